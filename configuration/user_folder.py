"""Where what belongs to this user is kept: the keys of who may trade, the tokens of the HTTP API."""

import os
from pathlib import Path


def user_folder() -> Path:
    """``~/.config/rebalancer``, or as ``XDG_CONFIG_HOME`` says."""
    folder = os.environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "rebalancer"
