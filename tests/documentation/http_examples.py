"""A request of each route, as somebody would send it to ``rebalancer up --simulated``."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

SERVED: Final = "http://localhost:8000"

VALUES: Final[Mapping[str, str]] = {
    "account_id": "DU1000001",
    "strategy": "us-growth",
    "name": "weekly",
    "run_id": "$RUN",
}
"""What stands in the place of a path's parameters."""

ORDER_REF: Final = "rb-48b3de82812f425b9f4a-2-1-4c7048ad"


class Example(NamedTuple):
    """What is sent. ``needs`` is what must be so for it to succeed; ``before`` is a line of the shell that finds what
    nobody can know; ``command`` is the command that does the same."""

    command: str = ""
    account: str = VALUES["account_id"]
    query: str = ""
    body: Mapping[str, Any] | None = None
    headers: tuple[str, ...] = ()
    before: str = ""
    needs: str = ""

    def shell(self, route: str) -> str:
        """The lines for the shell."""
        method, _, path = route.partition(" ")
        for name, value in {**VALUES, "account_id": self.account}.items():
            path = path.replace(f"{{{name}}}", value)
        address = f"{SERVED}{path}{self.query}"
        quoted = f'"{address}"' if set(address) & set("$?&") else address
        line = f"curl {quoted}" if method == "GET" else f"curl -X {method} {quoted}"
        headers = [*self.headers, *(["Content-Type: application/json"] if self.body is not None else [])]
        more = [f"-H '{header}'" for header in headers]
        if self.body is not None:
            more.append(f"-d {_quoted(json.dumps(self.body))}")
        return "\n".join([*filter(None, [self.before]), " \\\n  ".join(filter(None, [line, " ".join(more)]))])


def _quoted(body: str) -> str:
    """For the shell; a variable in it is one of the shell's."""
    return '"' + body.replace('"', '\\"') + '"' if "$" in body else f"'{body}'"


REASON: Final = {"reason": "prices look wrong"}

EXAMPLES: Final[Mapping[str, Example]] = {
    "POST /rebalance/{account_id}": Example(
        "run --live --wait", body={"execution_mode": "rebalance"}, headers=("Idempotency-Key: may-rebalance",)
    ),
    "POST /rebalance/{account_id}/dry-run": Example("run --wait"),
    "GET /accounts": Example(),
    "GET /accounts/{account_id}/positions": Example("positions"),
    "GET /accounts/{account_id}/value": Example("positions"),
    "GET /health": Example(),
    "GET /status": Example("status"),
    "GET /accounts/{account_id}/status": Example("status"),
    "GET /accounts/{account_id}/events": Example("status"),
    "GET /approvals": Example("approve"),
    "GET /history": Example("history", query="?since=2026-01-01T00:00:00Z&failed=true&limit=20"),
    "GET /accounts/{account_id}/runs": Example("history", query="?limit=20"),
    "GET /accounts/{account_id}/runs/{run_id}": Example(
        "show",
        before=f"RUN=$(curl -s {SERVED}/accounts/DU1000001/runs | jq -r '.runs[0].run_id')",
    ),
    "POST /accounts/{account_id}/plan": Example("plan"),
    "GET /ready": Example(),
    "POST /accounts/{account_id}/approve": Example(
        "approve",
        account="DU1000004",
        body={"plan_hash": "$HASH"},
        before=f"HASH=$(curl -s {SERVED}/approvals | jq -r '.[0].plan_hash')",
        needs="where a plan waits",
    ),
    "POST /accounts/{account_id}/reject": Example(
        "reject", account="DU1000004", body={"reason": "not before Friday"}, needs="where a plan waits"
    ),
    "POST /accounts/{account_id}/resolve": Example(
        "resolve", body={"ref": ORDER_REF, "filled": None}, needs="where a rebalance waits for the fate of this order"
    ),
    "GET /accounts/{account_id}/doubt": Example("accept-history", needs="where the account's history is not whole"),
    "POST /accounts/{account_id}/accept-history": Example(
        "accept-history", body={"refs": [ORDER_REF]}, needs="where the account's history is not whole"
    ),
    "POST /accounts/{account_id}/cancel": Example(
        "cancel", body={"at_broker": False}, needs="where a rebalance is at work or waits"
    ),
    "POST /accounts/{account_id}/retry": Example(
        "retry", account="DU1000006", needs="where the last live rebalance failed or is incomplete"
    ),
    "GET /halts": Example("status"),
    "POST /halt": Example("halt", body={**REASON, "cancel_orders": True}),
    "POST /resume": Example("resume", body={"reason": "they were right"}),
    "POST /accounts/{account_id}/pause": Example("pause", body=REASON),
    "POST /accounts/{account_id}/unpause": Example("unpause"),
    "POST /strategies/{strategy}/pause": Example("pause --strategy", body=REASON),
    "POST /strategies/{strategy}/unpause": Example("unpause --strategy"),
    "GET /schedules": Example("schedule list"),
    "GET /schedules/{name}": Example("schedule list", needs="where a schedule has this name"),
    "PUT /schedules/{name}": Example(
        "schedule add", body={"account": "DU1000001", "cron": "30 10 * * MON", "timezone": "America/New_York"}
    ),
    "DELETE /schedules/{name}": Example("schedule remove", needs="where a schedule has this name"),
    "POST /schedules/{name}/pause": Example(
        "schedule pause", body={"reason": "holidays"}, needs="where a schedule has this name"
    ),
    "POST /schedules/{name}/unpause": Example("schedule unpause", needs="where a schedule has this name"),
}
"""By method and path."""
