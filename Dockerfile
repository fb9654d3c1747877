# Two images of the same code. The last one is for deployments: `rebalancer worker`, `listen`, `serve` and the commands
# of people. `--target all-in-one` has the embedded Temporal server and the stand-ins too: `rebalancer up`, `demo`.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements.txt requirements-local.txt requirements-build.txt ./
RUN python -m venv /opt/builder \
    && /opt/builder/bin/pip install --require-hashes --requirement requirements-build.txt
# What runs has no pip: nothing is to be installed into it later.
RUN python -m venv --without-pip /opt/rebalancer \
    && /opt/builder/bin/pip --python /opt/rebalancer/bin/python install --require-hashes --requirement requirements.txt
# What nothing imports: numpy's own tests, and the Rust sources that come with Temporal's library.
RUN find /opt/rebalancer/lib -type d -path "*/numpy/*" -name tests -prune -exec rm -r {} + \
    && rm -r /opt/rebalancer/lib/python3.*/site-packages/temporalio/bridge/sdk-core
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

FROM build AS build-all-in-one
RUN /opt/builder/bin/pip --python /opt/rebalancer/bin/python install --require-hashes --requirement requirements-local.txt

FROM python:3.11-slim AS system
# A volume that is mounted there belongs to the user: the API keeps its tokens in one.
RUN useradd --system --uid 10001 --create-home rebalancer \
    && install --directory --owner rebalancer --mode 700 /var/lib/rebalancer
ENV PATH=/opt/rebalancer/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER rebalancer
WORKDIR /home/rebalancer
STOPSIGNAL SIGTERM
ENTRYPOINT ["rebalancer"]
CMD ["--help"]

FROM system AS all-in-one
COPY --from=build-all-in-one /opt/rebalancer /opt/rebalancer

FROM system
COPY --from=build /opt/rebalancer /opt/rebalancer
