"""Where a process keeps its metrics ready: at a port that Prometheus reaches, or for the HTTP API of its own alone."""

import ipaddress
import random
import sys
from typing import Final

from temporalio.runtime import PrometheusConfig

from configuration.environment import Connections
from contract.metrics import buckets
from starter.cli.logs import start_logging
from starter.desk.mistakes import UserMistake
from worker.free_ports import free_port

TRIES: Final = 5
"""A port that is free now may be taken a moment later."""


def start_logging_with_metrics(
    connections: Connections, port: int | None = None, *, serves: bool = False
) -> str | None:
    """Start to log, and to keep metrics where somebody can ask for them; the address they are asked for at.

    That is so where ``port``, or the environment, says at which port, and for a process that ``serves`` the HTTP API.
    Raises ``UserMistake`` for a port that cannot be had.
    """
    port, as_json = port or connections.metrics_port, connections.log_format == "json"
    if port is not None:
        address = _address(connections.metrics_host, port)
        try:
            start_logging(exporter=_exporter(address), as_json=as_json)
        except ValueError as error:
            raise UserMistake(
                f"Metrics cannot be had at {address}: {error}. Choose another port (--metrics-port, METRICS_PORT), or "
                "an address of this machine (METRICS_HOST)."
            ) from None
        return _address(_reached(connections.metrics_host), port)
    if not serves:
        start_logging(as_json=as_json)
        return None
    return _start_for_ourselves(as_json=as_json)


def _start_for_ourselves(*, as_json: bool) -> str:
    """At a loopback address that nobody else can guess, as far as the system has more than one.

    The library's exporter answers whoever asks, also a web page whose name was pointed at this machine (decision 15).
    """
    for _ in range(TRIES - 1):
        address = f"{_own_loopback()}:{free_port()}"
        try:
            start_logging(exporter=_exporter(address), as_json=as_json)
        except ValueError:
            continue
        return address
    address = f"127.0.0.1:{free_port()}"
    start_logging(exporter=_exporter(address), as_json=as_json)
    return address


def _own_loopback() -> str:
    """Linux answers at all of 127.0.0.0/8, other systems at one address of it."""
    if not sys.platform.startswith("linux"):
        return "127.0.0.1"
    return str(ipaddress.IPv4Address("127.0.0.1") + random.SystemRandom().randrange(2**16, 2**24 - 2))


def _exporter(address: str) -> PrometheusConfig:
    return PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=buckets(),
    )


def _reached(host: str) -> str:
    """The address by which this process reaches itself."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
