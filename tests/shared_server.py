"""A real Temporal server that several tests use one after the other, each with a namespace that nobody used before.

To start one costs as much as a test does. What one test leaves running no other sees: all that the application asks a
server for is of one namespace.
"""

import atexit
import subprocess
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio.client import Client

from testbed.temporal_server import TRIES, TemporalServer
from worker.free_ports import free_port
from worker.temporal import ANNOUNCEMENT, ServerNotStarted, answering, own_converter, server_command
from worker.tied_process import tied_to_this_process

NAMESPACES: Final = 25
"""So many tests use one server; what they leave in it is gone with it."""


class SharedServer:
    """One server, and those of its namespaces that are unused. It ends with the last test that is in it."""

    def __init__(self) -> None:
        """Start it. Raises ``ServerNotStarted``, for instance because somebody else took the port meanwhile."""
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.unused = [f"test-{number}" for number in range(NAMESPACES)]
        self.guests = 0
        self._process = subprocess.Popen(
            tied_to_this_process(server_command(port, None, None) + _naming(self.unused)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            if line.startswith(ANNOUNCEMENT):
                break
            said.append(line)
        else:
            self._process.communicate()
            raise ServerNotStarted(f"the Temporal server did not start: {''.join(said)}")
        # A server whose output nobody reads stops when the pipe is full.
        self._reading = threading.Thread(target=self._process.stdout.read, daemon=True)
        self._reading.start()
        atexit.register(self.end)

    def end(self) -> None:
        """Kill it: with its history in memory it has nothing to put in order."""
        self._process.kill()
        self._reading.join()
        self._process.communicate()
        atexit.unregister(self.end)


_servers: list[SharedServer] = []


async def client_of(address: str, namespace: str) -> Client:
    """One with a connection of its own, which writes with the key that there is now."""
    return await Client.connect(address, namespace=namespace, data_converter=own_converter())


@asynccontextmanager
async def namespace_of_its_own() -> AsyncGenerator[TemporalServer]:
    """A server with a client for a namespace that nobody used before."""
    if not _servers or not _servers[-1].unused:
        _servers.append(_started())
        await answering(_servers[-1].address)
    server = _servers[-1]
    server.guests += 1
    try:
        name = server.unused.pop()
        yield TemporalServer(server.address, None, await client_of(server.address, name))
    finally:
        server.guests -= 1
        if not server.unused and not server.guests:
            _servers.remove(server)
            server.end()


def _started() -> SharedServer:
    for _ in range(TRIES - 1):
        with suppress(ServerNotStarted):
            return SharedServer()
    return SharedServer()


def _naming(namespaces: list[str]) -> list[str]:
    return [word for name in namespaces for word in ("--namespace", name)]
