"""Where what belongs to this user is kept: the keys of who may trade, the tokens of the HTTP API."""

import os
from pathlib import Path
from typing import Final

from configuration.variables import Variable

CONFIG_HOME: Final = Variable(
    "XDG_CONFIG_HOME",
    "the folder with `rebalancer/`, where the keys of those who may trade and the tokens of the HTTP API are (in the "
    "environment only)",
    "`~/.config`",
    "/srv/rebalancer/config",
)


def user_folder() -> Path:
    """``~/.config/rebalancer``, or as ``XDG_CONFIG_HOME`` says."""
    folder = os.environ.get(CONFIG_HOME.name)
    return (Path(folder) if folder else Path.home() / ".config") / "rebalancer"
