"""What the routes share: Temporal, the configuration, and the room for those who wait."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from fastapi import Path as InPath
from temporalio.client import Client

from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from configuration.http_settings import HttpSettings
from rebalancing.accounts import AccountId
from starter.web.dashboard.watch import Watch
from starter.web.waiting_room import WaitingRoom

MOST_LOOKERS: Final = 50
"""So many pages are kept up to date at once for whoever shows a token, and as many for whoever shows none."""

PAGES_OPEN: Final = "pages are kept up to date already: close some of them."


@dataclass(frozen=True)
class OpenDesk:
    """The desk behind the routes.

    ``served`` is where the API really listens, which a changed configuration does not move; ``tokens`` is their file.
    ``is_simulated``: this process put stand-ins in the place of what is real. ``metrics`` is where its own metrics are
    asked for, if it keeps any, and ``temporal_ui`` the address of the Temporal UI, where that is known.
    """

    client: Client
    configuration: ConfigurationInUse
    connections: Connections
    served: HttpSettings
    tokens: Path
    room: WaitingRoom
    is_simulated: bool = False
    metrics: str | None = None
    temporal_ui: str | None = None

    @cached_property
    def watch(self) -> Watch:
        """What keeps all pages up to date."""
        return Watch(self.client, self.configuration)

    @cached_property
    def lookers(self) -> WaitingRoom:
        """Room for those whose pages are kept up to date, and who showed a token."""
        return WaitingRoom(lambda: MOST_LOOKERS, PAGES_OPEN)

    @cached_property
    def nameless_lookers(self) -> WaitingRoom:
        """Room for those who showed none: any program of this machine may take all of it, and keeps nobody else out."""
        return WaitingRoom(lambda: MOST_LOOKERS, PAGES_OPEN)


def desk_of(request: Request) -> OpenDesk:
    """The desk of the application that a request came to."""
    return cast(OpenDesk, request.app.state.desk)


TheDesk = Annotated[OpenDesk, Depends(desk_of)]


def called(
    account_id: Annotated[AccountId, InPath(description="The account's number, or its alias.")], desk: TheDesk
) -> str:
    """What the account is called whose name or number is in the address."""
    return desk.configuration.now.names.name_of(account_id)


TheAccount = Annotated[str, Depends(called)]
