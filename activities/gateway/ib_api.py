"""The client library of the TWS API: what speaks to the gateway takes it from here and from nowhere else.

``ib_insync`` is the user's choice, and is not maintained any more. Its successor ``ib_async`` has the same interface
but for what ``tests/successor/differences.py`` tells; ``make test-successor`` runs the gateway's tests with it.
"""

import ib_insync as ibi

__all__ = ["ibi"]
