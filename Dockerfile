# Worker and listener in one image: `rebalancer worker`, `rebalancer listen`.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements.txt requirements-dev.txt ./
# The build backend as the development lock pins it, and nothing else of that lock.
RUN awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements-dev.txt > build-backend.txt \
    && python -m venv /opt/builder \
    && /opt/builder/bin/pip install --require-hashes --requirement build-backend.txt
# What runs has no pip: nothing is to be installed into it later.
RUN python -m venv --without-pip /opt/rebalancer \
    && /opt/builder/bin/pip --python /opt/rebalancer/bin/python install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY rebalancing rebalancing
COPY configuration configuration
COPY contract contract
COPY workflows workflows
COPY activities activities
COPY worker worker
COPY testbed testbed
COPY starter starter
COPY simulator simulator
RUN /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/builder/bin/pip --python /opt/rebalancer/bin/python install --no-deps /wheels/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home rebalancer
COPY --from=build /opt/rebalancer /opt/rebalancer
ENV PATH=/opt/rebalancer/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER rebalancer
WORKDIR /home/rebalancer
STOPSIGNAL SIGTERM
ENTRYPOINT ["rebalancer"]
CMD ["--help"]
