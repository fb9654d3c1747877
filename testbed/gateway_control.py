"""Telling the simulated gateway's control port what to do, and asking it what happened."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from testbed.addresses import HOST

Rule = Mapping[str, object]
"""A fault rule, as JSON."""

PATIENCE: Final = 2.0
"""Seconds for one answer; a frozen process gives none."""


class GatewayControl:
    """The control port. A gateway that is away is told nothing."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self._http = http
        self._address = f"http://{HOST}:{port}"

    async def add_rules(self, rules: Sequence[Rule]) -> bool:
        """Put fault rules in force; whether the gateway took them."""
        return await self.tell("POST", "/faults", [dict(rule) for rule in rules])

    async def clear_rules(self) -> bool:
        """Drop all fault rules."""
        return await self.tell("DELETE", "/faults", None)

    async def has_struck(self, rule: Rule) -> bool:
        """Whether every rule like this one has struck by now; not, if the gateway does not answer."""
        rules = await self.ask("GET", "/faults", None)
        return rules is not None and not any(each["action"] == rule["action"] and each["struck"] == 0 for each in rules)

    async def keep_sessions(self, sessions: Sequence[tuple[datetime, datetime]]) -> bool:
        """Let everything trade in these times only; in none: always."""
        told = [{"opens": opens.isoformat(), "closes": closes.isoformat()} for opens, closes in sessions]
        return await self.tell("POST" if told else "DELETE", "/sessions", told or None)

    async def read(self, what: str) -> Any:
        """``accounts``, ``orders``, ``executions``, ``requests`` … Raises ``httpx.HTTPError``."""
        answer = await self._http.get(f"{self._address}/{what}", timeout=10.0)
        answer.raise_for_status()
        return answer.json()

    async def ask(self, method: str, path: str, body: object) -> Any:
        """The answer to this; None if there is none. Raises ``httpx.HTTPStatusError`` for a refusal."""
        try:
            answer = await self._http.request(method, self._address + path, json=body, timeout=PATIENCE)
        except httpx.HTTPError:
            return None
        answer.raise_for_status()
        return answer.json()

    async def tell(self, method: str, path: str, body: object) -> bool:
        """Whether it was taken. Raises ``httpx.HTTPStatusError`` for a refusal."""
        return await self.ask(method, path, body) is not None
