"""How a request is read: item by item, each of which says what it takes.

One rule for every item of every message: it is simulated, or it asks for nothing, or the request is refused by the
item's name. So an attribute that nobody has thought of cannot be accepted in silence; nor can one that a layout does
not know, since more fields than it lists are an error.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.gateway.refusals import Refusal, not_simulated, rejected
from simulator.gateway.wire import FieldReader, MalformedMessage, plain

_MOST_SHOWN = 40  # characters of a value that a refusal repeats


def anything(_: str) -> bool:
    """Takes every value: the item is simulated, or checked where more is known."""
    return True


class Only:
    """Takes these values, in whichever spelling; the one that it is judged by is what the request then says."""

    def __init__(self, *values: str) -> None:
        self._values = values

    def __call__(self, text: str) -> bool:
        """Whether it is one of them."""
        return plain(text) in self._values


def other_than(*values: str) -> Callable[[str], bool]:
    """Takes all values but these."""
    return lambda text: text not in values


unset = Only("")
"""Takes no value."""

zero = Only("", "0")
"""Takes no value, or what leaves a number, a flag or a choice alone."""


@dataclass(frozen=True)
class Item:
    """One field of a request.

    ``takes`` says which values are simulated, or ask for nothing. The item is there only if the one named by ``when``
    says something; where ``opens`` is set, other fields follow anything that is not taken, so that reading ends there.
    ``pairs`` stands for a count and as many names with values. ``refusal`` is the API's own, if it has one.
    """

    name: str
    takes: Callable[[str], bool] = anything
    when: str = ""
    opens: bool = False
    pairs: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Layout:
    """One kind of request: the API's name for it and its items after the message id."""

    name: str
    items: tuple[Item, ...]
    simulated: bool = True

    def subject(self, fields: list[str]) -> int:
        """The id that the client waits for an answer under; -1 if the request has none, or none that is a number.

        Ids stand where nothing before them is left out.
        """
        for place, item in enumerate(self.items, start=1):
            if item in (REQUEST_ID, ORDER_ID) and place < len(fields):
                try:
                    return int(fields[place])
                except ValueError:
                    return -1
        return -1

    def read(self, reader: FieldReader) -> tuple[dict[str, str], Refusal | None]:
        """All items by name, and what of them is refused. Raises `MalformedMessage` for too few fields or too many."""
        given: dict[str, str] = {}
        refused: list[Item] = []
        for item in self.items:
            if item.when and not given.get(item.when):
                continue
            given[item.name] = text = reader.pairs() if item.pairs else reader.text()
            if item.takes(text):
                given[item.name] = plain(text) if isinstance(item.takes, Only) else text
            else:
                refused.append(item)
                if item.opens:
                    return given, self._refusal(refused, given)
        if self.simulated and reader.left:
            raise MalformedMessage(f"{self.name} goes on for {reader.left} fields after the last one known")
        return given, self._refusal(refused, given)

    def _refusal(self, refused: list[Item], given: dict[str, str]) -> Refusal | None:
        if not refused:
            return None
        if known := next((item.refusal for item in refused if item.refusal), None):
            return known
        what = ", ".join(f"{each.name}={given[each.name][:_MOST_SHOWN]}" for each in refused)
        return rejected(f"{what} is not simulated") if self.name == "placeOrder" else not_simulated(what)


VERSION = Item("version")
REQUEST_ID = Item("reqId")
ORDER_ID = Item("orderId")

CONTRACT = (
    Item("conId"),
    Item("symbol"),
    Item("secType", other_than("BAG"), opens=True),
    Item("lastTradeDateOrContractMonth"),
    Item("strike"),
    Item("right"),
    Item("multiplier"),
    Item("exchange"),
    Item("primaryExchange"),
    Item("currency"),
    Item("localSymbol"),
    Item("tradingClass"),
)
SECURITY_ID = (Item("secIdType", unset), Item("secId", unset))
