"""What every file keeps to (docs/architecture.md), as far as the import contracts in pyproject.toml do not say it."""

import ast
from collections.abc import Iterator

import ib_insync as ibi

from tests.source_tree import APPLICATION, PACKAGES, SourceFile, parse, source_files

OUTSIDE_WORLD = {
    "temporalio", "httpx", "ib_insync", "eventkit", "ably", "aiohttp", "apprise", "requests", "socket", "urllib3",
}  # fmt: skip
"""Nothing of this belongs in the domain, which is pure."""

NETWORK_CLIENTS = OUTSIDE_WORLD - {"temporalio"}
"""Nothing of this belongs in workflow code, which must give the same result on every replay."""

TRANSLATION = "activities/gateway/translation.py"

IB_INSYNC_FIELDS = {
    name
    for told in (
        ibi.AccountValue, ibi.CommissionReport, ibi.Contract, ibi.ContractDetails, ibi.Execution, ibi.Fill, ibi.Order,
        ibi.OrderState, ibi.OrderStatus, ibi.Position, ibi.Ticker, ibi.Trade, ibi.TradeLogEntry,
    )
    for name in told.__annotations__
    if name.lower() != name
}  # fmt: skip
"""The fields of what the gateway tells that nothing of ours is called like."""

LONGEST_FILE = 400
LONGEST_TEST_FILE = 500
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def longest_allowed(file: SourceFile) -> int:
    """How many lines the file may have."""
    return LONGEST_TEST_FILE if file.package == "tests" else LONGEST_FILE


def undocumented(file: SourceFile) -> list[str]:
    """The public modules, classes and functions without a docstring, by name."""
    missing = [] if ast.get_docstring(file.tree) else [file.path]
    return missing + [f"{file.path}: {name}" for name, node in public_definitions(file.tree)
                      if not ast.get_docstring(node)]  # fmt: skip


def public_definitions(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Public classes and functions, with the public members of public classes."""
    for child in node.body:
        if isinstance(child, Definition) and not child.name.startswith("_") and not _is_overload(child):
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, f"{child.name}.")


def naive_times(file: SourceFile) -> list[str]:
    """The places where a time without a zone is made."""
    return [
        f"{file.path}:{node.lineno}: {node.func.attr}"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            node.func.attr in ("utcnow", "utcfromtimestamp")
            or (node.func.attr == "now" and _is_datetime(node.func.value) and not (node.args or node.keywords))
        )
    ]


def _is_datetime(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name == "datetime"


def _is_overload(node: Definition) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "overload" for decorator in node.decorator_list)


def test_the_domain_touches_nothing_outside_itself() -> None:
    files = source_files("rebalancing")
    assert {file.path: names for file in files if (names := file.imported_packages() & OUTSIDE_WORLD)} == {}


def test_workflow_code_holds_no_network_client() -> None:
    files = source_files("workflows", "contract")
    assert {file.path: names for file in files if (names := file.imported_packages() & NETWORK_CLIENTS)} == {}


def test_ib_insync_is_imported_in_one_module_and_used_where_it_is_translated_and_connected_only() -> None:
    files = source_files(*PACKAGES)
    importers = {file.path for file in files if "ib_insync" in file.imported_packages()}
    assert importers == {"activities/gateway/ib_api.py"}
    users = {file.path for file in files if "from activities.gateway.ib_api import ibi" in file.text}
    assert users == {
        f"activities/gateway/{name}.py" for name in ("named_accounts", "positions", "session", "translation")
    }


def test_only_the_translation_makes_what_ib_insync_sends() -> None:
    makers = {
        file.path
        for file in source_files("activities")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("ibi.")
    }
    assert makers == {TRANSLATION}


def test_only_the_translation_reads_what_ib_insync_tells() -> None:
    """As far as a name shows it: those in camel case are nobody else's."""
    files = [file for file in source_files(*APPLICATION) if file.path != TRANSLATION]
    assert [place for file in files for place in readings(file, IB_INSYNC_FIELDS)] == []


def readings(file: SourceFile, fields: set[str]) -> list[str]:
    """The places where an attribute of one of these names is read."""
    attributes = [node for node in ast.walk(file.tree) if isinstance(node, ast.Attribute)]
    read = [node for node in attributes if node.attr in fields and isinstance(node.ctx, ast.Load)]
    return [f"{file.path}:{node.lineno}: {node.attr}" for node in read]


def test_what_decides_the_fate_of_intents_is_pure() -> None:
    """So that the property test drives the very classes that place orders."""
    pure = {f"activities/gateway/{name}.py" for name in ("intent_judge", "ledger", "order_desk")}
    judges = [file for file in source_files("activities") if file.path in pure]
    assert len(judges) == len(pure)
    assert {file.path: names for file in judges if (names := file.imported_packages() & OUTSIDE_WORLD)} == {}
    assert [file.path for file in judges if "activities.gateway.session" in file.imported_modules()] == []


def test_ably_is_imported_only_in_the_modules_named_after_it() -> None:
    users = {file.path for file in source_files(*PACKAGES) if "ably" in file.imported_packages()}
    assert users == {
        f"starter/ably/ably_{name}.py" for name in ("failures", "history", "outcomes", "realtime", "rights")
    }


def test_apprise_is_imported_in_one_place() -> None:
    """What it says may hold the address of a receiver, and with it a token."""
    users = {file.path for file in source_files(*PACKAGES) if "apprise" in file.imported_packages()}
    assert users == {"activities/alerts/receivers.py"}


def test_no_import_is_relative() -> None:
    """Relative imports would slip through these walls unseen."""
    relative = [
        f"{file.path}:{node.lineno}"
        for file in source_files(*PACKAGES)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    files = source_files(*PACKAGES, "tests", "bench")
    assert {file.path: file.lines for file in files if file.lines > longest_allowed(file)} == {}


def test_every_module_is_named_for_its_job() -> None:
    files = source_files(*PACKAGES, "tests", "bench")
    vague = [file.path for file in files if set(file.path.removesuffix(".py").split("/")) & VAGUE_NAMES]
    assert vague == []


def test_everything_public_has_a_docstring() -> None:
    assert [name for file in source_files(*PACKAGES) for name in undocumented(file)] == []


def test_no_time_lacks_its_zone() -> None:
    assert [place for file in source_files(*PACKAGES, "tests") for place in naive_times(file)] == []


# --- the checks themselves find what they are for -----------------------------------------------------------------


def test_a_public_method_without_a_docstring_is_found() -> None:
    file = parse("starter/x.py", '"""M."""\nclass A:\n    """A."""\n    def b(self): ...\n    def _c(self): ...\n')
    assert undocumented(file) == ["starter/x.py: A.b"]


def test_the_reading_of_a_field_is_found() -> None:
    text = "a = fill.execution.acctNumber\nb.clientId = 7\nc.account\n"
    assert readings(parse("activities/x.py", text), IB_INSYNC_FIELDS) == ["activities/x.py:1: acctNumber"]


def test_a_naive_time_is_found() -> None:
    text = "datetime.utcnow()\ndatetime.now()\ndatetime.now(UTC)\nworkflow.now()\n"
    assert naive_times(parse("starter/x.py", text)) == ["starter/x.py:1: utcnow", "starter/x.py:2: now"]
