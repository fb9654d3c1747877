"""``rebalancer key``: makes and shows keys. A secret is printed only where it is to be put into a file by hand."""

import getpass
import re
import stat

from configuration.environment import Connections
from configuration.key_ring import KeyRing, default_key_file, line_of, make_key_file, new_key, read_key_ring
from configuration.keys_in_use import signing_key
from rebalancing.settings import Seals, Settings
from starter.cli.console import error_console, output_console
from starter.cli.setup import read_connections

NOBODYS: str = "operator"
"""The id of a key where the user has no name that could be one."""


async def run_new_command(key_id: str | None) -> None:
    """Make the file, or print a line for it. Raises ``KeyFileUnusable``."""
    connections = read_connections()
    file = connections.rebalancer_key_file or default_key_file()
    key_id = key_id or own_id()
    if not file.exists():
        ring = make_key_file(key_id, file)
        error_console().print(made(ring), markup=False, soft_wrap=True)
        return
    error_console().print(
        f"{file} is there already. Put this line into it: at the top, and it seals from now on; below, and what it "
        "sealed is taken. Every worker and listener needs the same file.",
        markup=False,
        soft_wrap=True,
    )
    print(line_of(new_key(key_id)), end="")  # noqa: T201  # for the file


async def run_list_command() -> None:
    """Show the ids. Raises ``KeyFileUnusable`` or ``KeyUnknown``."""
    connections = read_connections()
    ring = read_key_ring(connections.rebalancer_key_file)
    if ring is None:
        told = f"There is no file of keys {default_key_file()}; `rebalancer key new` makes one."
        error_console().print(told, markup=False, soft_wrap=True)
        return
    own = signing_key(connections)
    mode = stat.S_IMODE(ring.file.stat().st_mode)
    error_console().print(f"{ring.file} (mode {mode:o})", style="dim", markup=False)
    for key in ring.keys:
        output_console().print(f"{key.key_id}{'  seals what you ask for' if key == own else ''}", markup=False)


def have_key(settings: Settings, connections: Connections) -> None:
    """Make a key where there is none, unless configuration says that Temporal itself is guarded.

    Raises ``KeyFileUnusable``, also for a file that is named and not there.
    """
    if settings.seals is Seals.OPTIONAL or read_key_ring(connections.rebalancer_key_file) is not None:
        return
    error_console().print(made(make_key_file(own_id())), style="bold", markup=False, soft_wrap=True)


def own_id() -> str:
    """A key's id for the user at this terminal."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = NOBODYS
    return re.sub(r"[^A-Za-z0-9._-]", "-", user).lstrip("._-")[:40] or NOBODYS


def made(ring: KeyRing) -> str:
    """What is to be known of a new key."""
    return (
        f"A key was made: {ring.first.key_id}, in {ring.file}. From now on nothing trades without a seal by it; "
        "whoever has the file may trade. Keep a copy of it in a safe place."
    )
