"""Who may ask for something at the gateway: an account's own workflow, and nobody else (promise P1).

Temporal lets any number of workflows run that say they are for the same account; only their ids are unique. So an
account is rebalanced under one id, and the worker looks at the id of who asks before it does anything.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from temporalio import activity
from temporalio.worker import ExecuteActivityInput

from activities.heartbeat import began_before
from activities.interception import Around
from contract.requests import (
    NOTHING_SENT,
    AcknowledgeRequest,
    CancelOpenRequest,
    ContractsRequest,
    IntentsRequest,
    PlaceRequest,
    PrepareRequest,
    RepriceRequest,
    SnapshotRequest,
)
from rebalancing.account_names import AccountNames, masked
from rebalancing.errors import CallerRefused, OtherName, RebalancerError
from rebalancing.failures import NotPermitted
from rebalancing.funding.margin_preview import MarginQuestions, MarginRequest
from rebalancing.orders.order import LegOrder

TRADES_NOTHING: Final = frozenset({"read_snapshot", "read_contracts", "cancel_open_orders"})
"""What may be asked for outside of any workflow, as ``rebalancer positions`` and ``halt --cancel-orders`` do."""


class _RequestsChecked(Around):
    """Worker interceptor that looks at each request before its activity runs."""

    @abstractmethod
    def check(self, request: object) -> None:
        """Raise what refuses the request."""

    async def around(self, input: ExecuteActivityInput, run: Callable[[], Awaitable[Any]], /) -> Any:
        """Check what the activity is asked before it runs."""
        for request in input.args:
            self.check(request)
        return await run()


class OwnWorkflowsOnly(_RequestsChecked):
    """Refuses what another workflow than the account's own asks for (``CallerRefused``).

    ``workflow_id`` tells the one id of an account's workflow, which is of the type ``workflow_type``.
    """

    def __init__(self, workflow_type: str, workflow_id: Callable[[str], str]) -> None:
        self._workflow_type = workflow_type
        self._workflow_id = workflow_id

    def check(self, request: object) -> None:
        """Raise ``CallerRefused`` if the activity that runs has no business with an account of this request."""
        info = activity.info()
        if info.workflow_id is None and info.activity_type in TRADES_NOTHING:
            return
        for account in accounts_of(request):
            own = self._workflow_id(account)
            if (info.workflow_type, info.workflow_id) != (self._workflow_type, own):
                caller = f"{info.workflow_type} {info.workflow_id}" if info.workflow_id else "no workflow"
                raise CallerRefused(
                    f"{info.activity_type} for account {account} was asked for by {caller}. Only its own workflow "
                    f"{self._workflow_type} {own} may: trigger that with `rebalancer run {account}`. Nothing was done."
                )


class NamedAsHereOnly(_RequestsChecked):
    """Does nothing for an account that is asked for by another name than it has at this connection (promise P1).

    So whatever happens to its alias, one workflow at most can trade it: the one of that name.
    """

    def __init__(self, names: AccountNames) -> None:
        self._names = names

    def check(self, request: object) -> None:
        """Raise ``OtherName`` for another name, an old alias as well as the number behind a new one."""
        if isinstance(request, ContractsRequest):
            return
        for account in accounts_of(request):
            if not self._names.is_name(account):
                refused = OtherName(
                    f"{activity.info().activity_type}: {self._said(account)} at this gateway. What was begun under an "
                    "earlier name goes on once accounts.yaml gives the account that name again (docs/encryption.md). "
                    "Nothing was done."
                )
                if not began_before():
                    refused.details = (NOTHING_SENT,)
                raise refused

    def _said(self, account: str) -> str:
        called = self._names.name_of(account)
        if called != account:
            return f"account {masked(account)} is called {called}"
        return f"no account is called {account}"


class EnabledAccountsOnly(_RequestsChecked):
    """Lets no leg begin for an account that is switched off by now (``AccountUnknown``).

    A rebalance may have waited for days since it was opened. ``configured`` gives an account or raises. What was sent
    before is seen through: orders of ours are awaited and cancelled whatever the configuration says.
    """

    def __init__(self, configured: Callable[[str], object]) -> None:
        self._configured = configured

    def check(self, request: object) -> None:
        """Raise ``AccountUnknown`` if the request begins a leg of an account that is switched off."""
        begins = isinstance(request, PlaceRequest) and request.never_sent and not began_before()
        if begins or isinstance(request, PrepareRequest):
            try:
                for account in accounts_of(request):
                    self._configured(account)
            except RebalancerError as error:
                error.details = (NOTHING_SENT,)
                raise


class PermittedOnly(_RequestsChecked):
    """Sends no order of a run that no sealed trigger stands behind, where seals are required (``NotPermitted``).

    Whoever reaches the server can have his own worker ask for anything in the name of an account's workflow: but for a
    run of his own he has no permit, and that of another run says so. ``is_permitted`` tells whether a permit is this
    run's.
    """

    def __init__(self, is_permitted: Callable[[str, str, str], bool]) -> None:
        self._is_permitted = is_permitted

    def check(self, request: object) -> None:
        """Raise ``NotPermitted`` for what would send orders, also such as only ask for the margin."""
        if not isinstance(request, PlaceRequest | RepriceRequest | MarginRequest | tuple):
            return
        permit = "" if isinstance(request, tuple) else request.permit
        run_id = activity.info().workflow_run_id or ""
        for account in accounts_of(request):  # pyright: ignore[reportUnknownArgumentType]
            if not self._is_permitted(permit, account, run_id):
                refused = NotPermitted(
                    f"{activity.info().activity_type} for account {account}: run {run_id} has no permit to trade. A "
                    "run has one of its own that was opened for a trigger with a good seal, by a worker with the key; "
                    "not one that was opened before seals were required, or that was reset. Ask for a new one: "
                    f"`rebalancer run {account} --live`. Nothing was sent."
                )
                if not began_before():
                    refused.details = (NOTHING_SENT,)
                raise refused


def accounts_of(request: object) -> Iterator[str]:
    """The accounts a request to the gateway is about. Raises ``CallerRefused`` for one this does not know to read."""
    match request:
        case LegOrder() | SnapshotRequest() | CancelOpenRequest() | MarginRequest() | MarginQuestions():
            yield request.account
        case PrepareRequest():
            yield from accounts_of(request.orders)
        case PlaceRequest() | RepriceRequest() | IntentsRequest():
            yield from accounts_of(request.intents)
            if isinstance(request, AcknowledgeRequest) and request.reading is not None:
                yield request.reading.account
        case tuple():
            for part in request:  # pyright: ignore[reportUnknownVariableType]
                yield from accounts_of(part)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            raise CallerRefused(f"Whose account a {type(request).__name__} is about cannot be told. Nothing was done.")
