"""``ib_async`` by the name of ``ib_insync``, for an interpreter whose path begins with the folder above."""

import sys
from importlib import import_module
from typing import Final

import ib_async  # pyright: ignore[reportMissingImports]  # only where it is installed

PARTS: Final = ("client", "connection", "contract", "decoder", "ib", "objects", "order", "ticker", "util", "wrapper")

for part in PARTS:
    sys.modules[f"ib_insync.{part}"] = import_module(f"ib_async.{part}")
sys.modules["ib_insync"] = ib_async
