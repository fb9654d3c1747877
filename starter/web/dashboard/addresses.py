"""Where the pages are."""

from typing import Final

HOME: Final = "/"
PAGES: Final = "/dashboard"
SIGN_IN: Final = f"{PAGES}/sign-in"
LIVE: Final = f"{PAGES}/live"
STATIC: Final = f"{PAGES}/static"


def is_page(path: str) -> bool:
    """Whether people look at what is there, and not only their pages."""
    return path == HOME or (path.startswith(f"{PAGES}/") and path != LIVE)


def account_page(account: str) -> str:
    """The page of an account."""
    return f"{PAGES}/accounts/{account}"


def run_page(account: str, run_id: str) -> str:
    """The page of a run."""
    return f"{PAGES}/accounts/{account}/runs/{run_id}"


def temporal_page(temporal_ui: str | None, namespace: str, workflow: str, run_id: str) -> str | None:
    """A run in the Temporal UI; ``None`` where nobody said where that is."""
    if temporal_ui is None:
        return None
    return f"{temporal_ui.rstrip('/')}/namespaces/{namespace}/workflows/{workflow}/{run_id}/timeline"
