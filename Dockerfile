# Worker and listener in one image: `rebalancer worker`, `rebalancer listen`.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
# The development lock is only for its pinned build backend; the image itself gets what runs and nothing else.
COPY requirements.txt requirements-dev.txt ./
RUN python -m venv /opt/builder && /opt/builder/bin/pip install --require-hashes --requirement requirements-dev.txt
RUN python -m venv /opt/rebalancer && /opt/rebalancer/bin/pip install --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY rebalancing rebalancing
COPY workflows workflows
COPY activities activities
COPY worker worker
COPY starter starter
COPY simulator simulator
RUN /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/rebalancer/bin/pip install --no-deps /wheels/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home rebalancer
COPY --from=build /opt/rebalancer /opt/rebalancer
ENV PATH=/opt/rebalancer/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER rebalancer
WORKDIR /home/rebalancer
STOPSIGNAL SIGTERM
ENTRYPOINT ["rebalancer"]
CMD ["--help"]
