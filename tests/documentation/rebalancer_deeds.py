"""What a line of the ``rebalancer`` command needs and does. What trades or holds is in ``trading_deeds.py``."""

import json
import re
import stat
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

from configuration.configuration import load_configuration
from configuration.key_ring import make_key_file
from contract.halts import set_halt
from contract.process_in_use import Role
from simulator.ably.server import SimulatedAbly
from simulator.gateway.server import SimulatedGateway
from testbed.addresses import ably_at, gateway_at, temporal_at
from testbed.background import in_background
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.alert_receiver import Receiver, listening
from tests.cli.command import Service
from tests.documentation.rebalancer_home import ACCOUNT, ACCOUNTS, STRATEGY, Home, Typing, says
from tests.documentation.trading_deeds import TRADING, Deed, looks
from tests.house import Holding, scenario
from worker.free_ports import free_port, free_ports
from worker.processes import show

CONNECTED: Final = "connected to the gateway"
EAST: Final = "U1234567"

OLD: Final = f"accounts:\n  - {{account_id: {ACCOUNT}, type: paper, strategy_name: {STRATEGY}}}\n"
"""An ``accounts.yaml`` of the original."""

PORTFOLIO: Final = {"cash": "10000.00", "positions": {}, "prices": {"QQQ": "600.00"}, "targets": {"QQQ": 1}}


@asynccontextmanager
async def works(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The one before has ended, and it connects to the gateway. The program is at another place than the page's."""
    line.text = re.sub(r"^/opt/\S+/bin/", "", line.text)
    line.ready, line.lasts = says(CONNECTED), True
    await home.house()
    await home.end_the_worker()
    yield


@asynccontextmanager
async def works_for_east(home: Home, line: Typing) -> AsyncGenerator[None]:
    """There is a gateway of that name, with a login of its own."""
    account = f"{{account_id: {EAST}, strategy_name: other, gateway: east}}"
    await home.house()
    async with SimulatedGateway(scenario({EAST: Holding()})) as east:
        line.folder = home.beside("east", f"accounts: [{account}]\n")
        line.variables = gateway_at(east.port, "east")
        line.ready = says(CONNECTED)
        yield
        assert east.requests


@asynccontextmanager
async def is_up(home: Home, line: Typing) -> AsyncGenerator[None]:
    """With a gateway. Temporal's ports may be taken: others are chosen, and the lines that follow go there."""
    gateway = await home.enter(SimulatedGateway(scenario({ACCOUNT: Holding()})))
    port, ui_port = free_ports(2)
    line.text += f" --port {port} --ui-port {ui_port}"
    home.desk.variables |= {**temporal_at(port), **gateway_at(gateway.port)}
    home.desk.variables |= ably_at((await home.enter(SimulatedAbly())).port)
    line.ready, line.lasts = says(CONNECTED), True
    yield


@asynccontextmanager
async def listens(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It attaches to the strategy's channel."""
    await home.house()
    async with SimulatedAbly() as ably:
        line.variables = ably_at(ably.port)

        async def is_attached(_: Service) -> None:
            await until(lambda: ably.attached(STRATEGY))

        line.ready = is_attached
        yield


@asynccontextmanager
async def serves(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It answers."""
    await home.house()
    port = load_configuration(home.folder / "accounts.yaml").http.port

    async def answers(service: Service) -> None:
        await service.until("dashboard and HTTP API on")
        async with httpx.AsyncClient(trust_env=False) as client:
            told = await client.get(f"http://127.0.0.1:{port}/accounts")
            assert (told.status_code, ACCOUNT in told.text) == (httpx.codes.OK, True), told.text

    line.ready = answers
    yield


@asynccontextmanager
async def simulates(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It listens; at a port that is free."""
    del home
    port, control = free_ports(2)
    line.replace("4002", f"{port} --control-port {control}")
    line.ready = says(f"IB Gateway stand-in on 127.0.0.1:{port}")
    yield


@asynccontextmanager
async def watches(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It shows the account."""
    await home.house()
    line.ready, line.at_terminal = says(ACCOUNT), True
    yield


@asynccontextmanager
async def shows_the_restored(home: Home, line: Typing) -> AsyncGenerator[None]:
    """What ``up`` was started with was put back: every account is held."""
    del home
    yield
    assert f"the history of account {ACCOUNT} is not whole" in line.told


@asynccontextmanager
async def accepts_at_up(home: Home, line: Typing) -> AsyncGenerator[None]:
    """A yes at the terminal lets the account trade again."""
    del home
    line.says = "y\n"
    yield
    assert f"{ACCOUNT} trades again" in line.told


@asynccontextmanager
async def is_well(home: Home, line: Typing) -> AsyncGenerator[None]:
    """A worker of this machine is known to the server."""
    own = await home.house()
    async with in_background(show(own.client, Role.WORKER, own.in_use)):
        yield
    assert "does its work" in line.told


@asynccontextmanager
async def checks(home: Home, line: Typing) -> AsyncGenerator[None]:
    """Everything that it looks at is there."""
    await home.house()
    async with SimulatedAbly() as ably:
        line.variables = ably_at(ably.port)
        yield
    assert {"Temporal", "gateway", "Ably"} <= set(re.findall(r"^ok +(\w+)", line.answer.output, re.MULTILINE))


@asynccontextmanager
async def backs_up(home: Home, line: Typing) -> AsyncGenerator[None]:
    """A server keeps its history there, and the copy is its owner's alone. Its folder is in the home here."""
    if "/backups" in line.text:
        line.replace("/backups", str(home.beside("backups")))
    async with temporal_server(database=home.folder / "temporal.db") as server:
        await set_halt(server.client, "pause-DU1", "test", "")
        yield
    assert stat.S_IMODE(home_file(home, line).stat().st_mode) == 0o600


@asynccontextmanager
async def restores(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It takes the place of what is there, which is kept; the next ``up`` tells the history."""
    if "/backups" in line.text:
        line.replace("/backups", str(home.folder / "backups"))
    yield
    assert (home.folder / "temporal.db.restored").exists(), line.answer
    assert list(home.folder.glob("temporal.db.before-*"))


def home_file(home: Home, line: Typing) -> Path:
    """The file that is the last word of a line."""
    return home.folder / line.text.split()[-1]


@asynccontextmanager
async def imports(home: Home, line: Typing) -> AsyncGenerator[None]:
    """An old installation is in a folder that has nothing else."""
    line.folder = home.beside("of-the-import")
    old = line.folder / "old-installation"
    old.mkdir()
    (old / "accounts.yaml").write_text(OLD, encoding="utf-8")
    yield
    accounts = load_configuration(line.folder / "accounts.yaml").accounts
    assert [each.account_id for each in accounts] == [ACCOUNT], line.answer


@asynccontextmanager
async def plans_a_file(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The portfolio is there."""
    home_file(home, line).write_text(json.dumps(PORTFOLIO), encoding="utf-8")
    yield
    assert "QQQ" in line.told


@asynccontextmanager
async def notifies(home: Home, line: Typing) -> AsyncGenerator[None]:
    """The receiver gets it."""
    alerts = "alerts: {receivers: {phone: urgent}}\n"
    async with listening(Receiver()) as phone:
        line.folder = home.beside("with-alerts", ACCOUNTS.replace("PORT", str(free_port())) + alerts)
        line.variables = {"ALERT_PHONE_URL": phone.url}
        yield
    assert len(phone.titles) == 1, line.answer


@asynccontextmanager
async def makes_a_key(home: Home, line: Typing) -> AsyncGenerator[None]:
    """There was none, and there is that one, for its owner alone."""
    line.variables = home.key_variables()
    yield
    file = home.keys / "rebalancer" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8").startswith("ann"), line.answer


@asynccontextmanager
async def has_a_key(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It does what it is for with it, which may have been made before."""
    line.variables = home.key_variables()
    file = home.keys / "rebalancer" / "key"
    if not file.exists():
        make_key_file("ann", file)
    yield
    if " list" in line.text:
        assert "ann seals what you ask for" in line.told
    if " seal " in line.text:
        assert json.loads(line.answer.output)["key_id"] == "ann"
    if ">" in line.text:
        assert home_file(home, line).read_text(encoding="utf-8")


@asynccontextmanager
async def rehearses(home: Home, line: Typing) -> AsyncGenerator[None]:
    """It is rebalanced elsewhere: no order reaches this gateway."""
    own = await home.wants("QQQ")
    before = len(own.gateway.engine.orders)
    yield
    assert "completed" in line.told
    assert len(own.gateway.engine.orders) == before


def shows(text: str) -> Deed:
    """Nothing has to be so, and this is among what is said."""

    @asynccontextmanager
    async def deed(home: Home, line: Typing) -> AsyncGenerator[None]:
        async with looks(home, line):
            yield
        assert text in line.told, line.answer

    return deed


_OTHERS: Final[Mapping[str, Deed]] = {
    r"up$": is_up,
    r"worker --gateway east$": works_for_east,
    r"worker\b": works,
    r"listen$": listens,
    r"serve$": serves,
    r"simulate gateway ": simulates,
    r"status --watch$": watches,
    r"status$": shows_the_restored,
    r"health worker$": is_well,
    r"check$": checks,
    r"backup ": backs_up,
    r"restore ": restores,
    r"import ": imports,
    r"plan --portfolio ": plans_a_file,
    r"notify test ": notifies,
    r"key new ": makes_a_key,
    r"(key (list|payloads)|seal )": has_a_key,
    r"rehearse ": rehearses,
    r"token alice --role trader$": shows("alice (trader)"),
    r"schema portfolio$": shows('"targets"'),
    r"config explain tolerance_percent$": shows("tolerance_percent"),
    r"explain ": shows("Do: "),
}


def deed_of(line: str) -> Deed | None:
    """What a line does; nothing where nobody has decided."""
    _, _, command = line.replace("--key-id ann ", "").rpartition("rebalancer ")
    return next((deed for pattern, deed in {**TRADING, **_OTHERS}.items() if re.match(pattern, command)), None)
