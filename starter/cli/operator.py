"""Who sits at this terminal, as it is kept with what they do."""

import getpass
import platform


def operator_name() -> str:
    """The user and machine, for instance ``ann@desk``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = "somebody"
    return f"{user}@{platform.node()}"
