"""``rebalancer explain``: what a failure, a phase or an alert means, and what to do."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from starter.cli.console import output_console, print_json
from starter.desk.explain import Explanation, explained, explanations


async def run_explain_command(name: str, *, as_json: bool) -> None:
    """Explain what goes by this name; without one, list all there is. Raises ``UserMistake`` where nothing does."""
    found = explained(name) if name else list(explanations())
    if as_json:
        print_json([{**each._asdict(), "place": each.place} for each in found])
    else:
        output_console().print(Group(*map(_told, found)) if name else _listed(found))


def _told(each: Explanation) -> RenderableType:
    told = Text(each.name, style="bold")
    told.append(f" ({each.kind})", style="dim")
    meaning = f"{each.meaning} {each.note}".rstrip()
    return Group(told, f"  {_bare(meaning)}", f"  Do: {_bare(each.do)}", Text(f"  {each.place}", style="dim"))


def _listed(found: list[Explanation]) -> RenderableType:
    table = Table()
    table.add_column("", no_wrap=True)
    table.add_column("name", no_wrap=True)
    table.add_column("meaning")
    for each in found:
        table.add_row(each.kind, each.name, _bare(each.meaning))
    return table


def _bare(markdown: str) -> Text:
    return Text(markdown.replace("`", ""))
