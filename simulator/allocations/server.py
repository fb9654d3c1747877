"""The API itself: `GET /{strategy}/allocations`."""

import asyncio
import hmac
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from aiohttp import web

from simulator.allocations.strategies import Fault, Strategy, Weights
from simulator.loopback import programs_only, require_loopback

DEFAULT_API_KEY = "local-key"
_SHUTDOWN_GRACE = 0.1


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request, by the strategy it asked for and the status it was answered with."""

    strategy: str
    status: int
    at: datetime


class SimulatedAllocations:
    """An allocations API for local use: `async with SimulatedAllocations({"sniper": {"QQQ": 1.0}}) as api: …`.

    Args:
        strategies: By name, either the weights alone or a Strategy with its faults.
        port: 0 chooses a free one.
        api_key: What the header `x-api-key` has to say.
        host: A loopback address, unless `allow_remote`.
        clock: The time that answers carry; aware.
    """

    def __init__(
        self,
        strategies: Mapping[str, Weights | Strategy],
        port: int = 0,
        *,
        api_key: str = DEFAULT_API_KEY,
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        require_loopback(host, allow_remote=allow_remote)
        self._allow_remote = allow_remote
        self.api_key = api_key
        self._host = host
        self._port = port
        self._clock = clock
        self._weights: dict[str, Weights] = {}
        self._faults: dict[str, deque[Fault]] = {}
        self._seen: list[SeenRequest] = []
        self._runner: web.AppRunner | None = None
        self.replace(strategies)

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[programs_only(allow_remote=self._allow_remote)])
        app.router.add_get("/{strategy}/allocations", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_GRACE)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is really bound."""
        return self._port

    @property
    def base_url(self) -> str:
        """What stands before `/{strategy}/allocations`."""
        return f"http://{self._host}:{self._port}"

    @property
    def requests(self) -> Sequence[SeenRequest]:
        """Every request answered so far, oldest first."""
        return tuple(self._seen)

    def replace(self, strategies: Mapping[str, Weights | Strategy]) -> None:
        """Serve these strategies from now on, with their faults and no others."""
        self._weights.clear()
        self._faults.clear()
        for name, strategy in strategies.items():
            self.set_weights(name, strategy.weights if isinstance(strategy, Strategy) else strategy)
            for fault in strategy.faults if isinstance(strategy, Strategy) else ():
                self.script(name, fault)

    def set_weights(self, strategy: str, weights: Weights) -> None:
        """Publish new weights; the next request sees them."""
        self._weights[strategy] = dict(weights)

    def script(self, strategy: str, fault: Fault) -> None:
        """Let something go wrong with the next requests for `strategy`, after what was scripted before."""
        self._faults.setdefault(strategy, deque()).append(fault)

    def fail(self, strategy: str, *, status: int = 500, times: int | None = 1) -> None:
        """Answer the next requests for `strategy` with an error status."""
        self.script(strategy, Fault(status=status, times=times))

    def answer_raw(self, strategy: str, body: str, *, content_type: str = "application/json") -> None:
        """Answer every request for `strategy` with `body` as it is."""
        self.script(strategy, Fault(body=body, content_type=content_type, times=None))

    def slow_down(self, strategy: str, seconds: float, *, times: int | None = 1) -> None:
        """Let the next requests for `strategy` wait for their proper answer."""
        self.script(strategy, Fault(delay=seconds, times=times))

    async def _answer(self, request: web.Request) -> web.Response:
        strategy = request.match_info["strategy"]
        fault = self._next_fault(strategy)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        response = self._response(request, strategy, fault)
        self._seen.append(SeenRequest(strategy, response.status, self._clock()))
        return response

    def _response(self, request: web.Request, strategy: str, fault: Fault) -> web.Response:
        given = request.headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(errors="replace"), self.api_key.encode()):
            return _error(401, "invalid or missing x-api-key")
        if fault.body is not None:
            return web.Response(text=fault.body, status=fault.status, content_type=fault.content_type)
        if fault.status != 200:
            return _error(fault.status, "scripted failure")
        weights = self._weights.get(strategy)
        if weights is None:
            return _error(404, f"there is no strategy {strategy!r}")
        now = self._clock()
        data = {
            "allocations": [{"symbol": symbol, "allocation": weight} for symbol, weight in weights.items()],
            "name": strategy,
            "last_rebalance_on": now.date().isoformat(),
            "as_of": now.isoformat(),
        }
        return web.json_response({"status": "success", "data": data})

    def _next_fault(self, strategy: str) -> Fault:
        waiting = self._faults.get(strategy)
        if not waiting:
            return Fault()
        fault = waiting[0]
        if fault.times is None:
            return fault
        waiting.popleft()
        if fault.times > 1:
            waiting.appendleft(fault.model_copy(update={"times": fault.times - 1}))
        return fault


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"status": "error", "message": message}, status=status)
