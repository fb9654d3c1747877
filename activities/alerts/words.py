"""Turns alerts into messages, by the built-in templates or those of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from jinja2 import StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from configuration.alert_settings import AlertSettings
from contract.alerts import Alert
from contract.run_summary import RunSummary
from contract.summaries import counted
from rebalancing.alerts import ALERTS, AlertKind
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode

LONGEST_TITLE: Final = 120
LONGEST_TEXT: Final = 1500
"""Characters: what short-message services and chats take without cutting it themselves."""

LONGEST_VALUE: Final = 400
"""Characters of a text from elsewhere, so that it leaves room for what is to be done."""

UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Message:
    """What a receiver gets: plain text, of bounded length."""

    title: str
    text: str
    is_urgent: bool = False


class TemplateBroken(Exception):
    """A template of one's own cannot be used; the message says why."""


class AlertWords:
    """Finds the words. ``own`` are templates by kind: the first line is the title; ``links`` says where more stands."""

    def __init__(
        self,
        settings: AlertSettings,
        own: Mapping[AlertKind, str] | None = None,
        namespace: str = "default",
        *,
        is_simulated: bool = False,
    ) -> None:
        self._settings = settings
        self._own = own or {}
        self._namespace = namespace
        self._mark = "SIMULATED: " if is_simulated else ""

    def message(self, alerts: tuple[Alert, ...], *, is_digest: bool = False) -> Message:
        """One message for all of them. A broken template of one's own never loses an alert: its built-in is used."""
        if len(alerts) == 1 and not is_digest:
            title, text = self._words(alerts[0])
            return Message(self._mark + title, text, ALERTS[alerts[0].kind].is_urgent)
        return self._digest(alerts)

    def check(self, kind: AlertKind) -> None:
        """Raise ``TemplateBroken`` where the template of one's own for this kind cannot be used."""
        self._own_words(_example(kind))

    def _words(self, alert: Alert) -> tuple[str, str]:
        if alert.kind in self._own:
            try:
                return self._own_words(alert)
            except TemplateBroken:
                pass
        rule, values = ALERTS[alert.kind], self._values(alert)
        do, link = values["do"], values["link"]
        tail = "".join((f"\nDo this: {do}" if do else "", f"\n{link}" if link else ""))
        text = _lines(_filled(rule.text, values))
        title = _short(_one_line(_filled(rule.title, values)), LONGEST_TITLE)
        return title, f"{_short(text, LONGEST_TEXT - len(tail))}{tail}".strip()

    def _own_words(self, alert: Alert) -> tuple[str, str]:
        try:
            filled = _filled(self._own[alert.kind], self._values(alert), undefined=StrictUndefined)
        except Exception as error:  # a template may raise anything
            raise TemplateBroken(f"{alert.kind.value}.txt: {_one_line(str(error))}") from None
        title, _, text = filled.strip().partition("\n")
        if not title.strip():
            raise TemplateBroken(f"{alert.kind.value}.txt: it is empty; its first line is the title")
        return _short(_one_line(title), LONGEST_TITLE), _short(_lines(text), LONGEST_TEXT)

    def _digest(self, alerts: tuple[Alert, ...]) -> Message:
        lines = [f"- {alert.at.astimezone(UTC):%a %H:%M}: {self._words(alert)[0]}" for alert in alerts]
        kept: list[str] = []
        tail = "\nDo this: rebalancer status, and rebalancer history for more" + (
            f"\n{self._dashboard}" if self._dashboard else ""
        )
        for line in lines:
            if sum(len(each) + 1 for each in (*kept, line)) > LONGEST_TEXT - len(tail) - 20:
                kept.append(f"and {len(lines) - len(kept)} more")
                break
            kept.append(line)
        title = f"{self._mark}Rebalancer: {counted(len(alerts), 'message')} (times in UTC)"
        return Message(title, "\n".join(kept) + tail, any(ALERTS[alert.kind].is_urgent for alert in alerts))

    def _values(self, alert: Alert) -> dict[str, Any]:
        told = {name: _told(getattr(alert, name)) for name in Alert.model_fields}
        told["run"] = alert.run
        told["do"] = _one_line(_filled(ALERTS[alert.kind].do, told))
        told["link"] = self._link(alert)
        return told

    def _link(self, alert: Alert) -> str:
        if self._settings.temporal_ui_url and alert.run_id:
            base = self._settings.temporal_ui_url.rstrip("/")
            return f"{base}/namespaces/{self._namespace}/workflows/{alert.workflow_id}/{alert.run_id}/history"
        return self._dashboard

    @property
    def _dashboard(self) -> str:
        return self._settings.dashboard_url or ""


def _filled(template: str, values: Mapping[str, Any], undefined: type[Undefined] = Undefined) -> str:
    words = ImmutableSandboxedEnvironment(undefined=undefined, autoescape=False)  # plain text
    words.filters.update({"percent": _percent, "usd": _usd, "at": _at})
    return words.from_string(template).render(**values)


def _example(kind: AlertKind) -> Alert:
    """An alert of which everything is known."""
    now, some = datetime.now(UTC), Decimal(1)
    run = RunSummary(
        phase=Phase.COMPLETED,
        mode=ExecutionMode.REBALANCE,
        drift_before=some,
        drift_after=some,
        slippage=some,
        started_at=now,
        finished_at=now,
    )
    return Alert(alert_id="example", kind=kind, at=now, account="U1", since=now, until=now, refs=("rb-1",), run=run)


def _percent(value: object) -> str:
    return f"{value:.2f} %" if isinstance(value, Decimal) else UNKNOWN


def _usd(value: object) -> str:
    return f"{value:,.2f} USD" if isinstance(value, Decimal) else UNKNOWN


def _at(value: object) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else UNKNOWN


def _told(value: object) -> object:
    """A value as it may stand in a message: what came from elsewhere on one line and no longer than it is useful."""
    return _short(_one_line(value), LONGEST_VALUE) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _lines(text: str) -> str:
    return "\n".join(line for line in map(_one_line, text.splitlines()) if line)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)]}…"
