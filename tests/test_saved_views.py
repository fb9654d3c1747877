"""The views of Temporal's UI that docs/operating.md links to: the server takes them, and link and text agree."""

import re
from urllib.parse import unquote

from contract.names import SEARCH_ATTRIBUTES
from testbed.temporal_server import temporal_server
from tests.source_tree import ROOT

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
VIEWS = re.findall(r"/namespaces/default/workflows\?query=(\S+)\) \| `(.+)` \|", OPERATING)


async def test_the_server_takes_the_query_of_every_view() -> None:
    assert len(VIEWS) >= 4
    async with temporal_server() as server:
        for link, query in VIEWS:
            assert unquote(link) == query
            assert (await server.client.count_workflows(query)).count == 0


def test_every_attribute_is_told_of() -> None:
    table = OPERATING[OPERATING.index("| attribute | holds |") :]
    assert [each.name for each in SEARCH_ATTRIBUTES if f"`{each.name}`" not in table] == []
