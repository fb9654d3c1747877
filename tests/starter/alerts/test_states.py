"""When a state is told, when it is over, and when nobody can tell yet."""

from datetime import UTC, datetime, timedelta

from configuration.alert_settings import AlertSettings
from contract.gateway_news import GatewayNews
from contract.process_in_use import ProcessInUse
from rebalancing.alerts import AlertKind
from starter.alerts.states import Found, States
from starter.desk.installation import ChannelStanding, GatewayStanding, Installation

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GATEWAY = "alert-gateway_away-default"
LISTENER = "alert-listener_away-ably"
SETTINGS = AlertSettings(gateway_away_minutes=10, listener_away_minutes=10)


def gateway(*news: GatewayNews) -> Installation:
    """An installation of which only the gateway is looked at."""
    return Installation(gateways=(GatewayStanding(None, news, None, 0, timedelta(), is_stopped=False),))


def away(since: datetime) -> GatewayNews:
    """A worker that cannot connect."""
    return GatewayNews("1@desk", since, "nothing listens there")


def listener(last_sweep: datetime | None, *, runs: bool = True) -> Installation:
    """An installation of which only the listener is looked at."""
    processes = (ProcessInUse("listener 1@desk", "", ""),) if runs else ()
    return Installation(processes=processes, channels=(ChannelStanding("blend", last_sweep, None),))


def find(states: States, seen: Installation, now: datetime = NOW) -> Found:
    """What is wrong there."""
    return states.find(seen, SETTINGS, now, listens=bool(seen.channels))


def test_a_gateway_that_is_away_for_long_is_told_with_what_its_worker_says() -> None:
    (alert,) = find(States(), gateway(away(NOW - 11 * MINUTE))).told.values()
    assert (alert.alert_id, alert.subject, alert.reason) == (GATEWAY, "The gateway", "nothing listens there")
    assert alert.since == NOW - 11 * MINUTE


def test_one_that_is_away_for_a_short_while_is_not_told_and_is_not_back_either() -> None:
    found = find(States(), gateway(away(NOW - 9 * MINUTE)))
    assert found.told == {}
    assert not found.is_over(GATEWAY)


def test_one_that_a_worker_holds_is_back_whatever_the_others_say() -> None:
    held = gateway(GatewayNews("2@desk", NOW), away(NOW - 60 * MINUTE))
    assert find(States(), held).is_over(GATEWAY)


def test_where_no_worker_says_anything_the_time_counts_from_when_that_was_seen() -> None:
    states = States()
    assert find(states, gateway()).told == {}
    (alert,) = find(states, gateway(), NOW + 10 * MINUTE).told.values()
    assert alert.reason == "no worker that serves it runs"
    assert find(states, gateway(GatewayNews("1@desk", NOW)), NOW + 11 * MINUTE).is_over(GATEWAY)
    assert find(states, gateway(), NOW + 12 * MINUTE).told == {}


def test_a_listener_that_runs_and_reads_is_there() -> None:
    assert find(States(), listener(NOW - MINUTE)).is_over(LISTENER)
    assert find(States(), listener(None)).is_over(LISTENER), "its record was begun anew a moment ago"


def test_one_that_does_not_read_any_more_or_does_not_run_is_told_after_a_while() -> None:
    (alert,) = find(States(), listener(NOW - 11 * MINUTE)).told.values()
    assert alert.kind is AlertKind.LISTENER_AWAY
    assert "Not read: blend" in alert.detail
    assert find(States(), listener(NOW - 2 * MINUTE, runs=False)).told == {}
    (alert,) = find(States(), listener(NOW - 10 * MINUTE, runs=False)).told.values()
    assert "No process listens." in alert.detail


def test_a_channel_on_which_nothing_came_for_days_is_told_until_something_comes() -> None:
    settings = AlertSettings(no_event_days=40)
    old, new = NOW - timedelta(days=41), NOW - timedelta(days=39)
    found = States().find(Installation(), settings, NOW, listens=False, newest={"blend": old, "other": new})
    assert list(found.told) == ["alert-no_event-blend"]
    assert found.is_over("alert-no_event-other")
