"""A file of keys for the test alone: its workers look at seals with it, and what it asks for is sealed with it."""

from pathlib import Path

import pytest

from configuration.key_ring import KeyRing, make_key_file


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    """One key, ``ann``, in the default place."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return make_key_file("ann")
