"""``rebalancer seal``: what the plain ``temporal`` command or its UI sends, with a seal (promise P10)."""

from dataclasses import dataclass

from configuration.key_ring import default_key_file
from configuration.keys_in_use import KeyMissing
from contract.messages import Resolution
from rebalancing.approval import Approval
from rebalancing.base import FrozenModel
from rebalancing.triggers import ExecutionMode
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal, read_connections
from starter.desk.latest_run import handle_of
from starter.desk.mistakes import UserMistake, as_asked
from starter.desk.sealing import own_key, sealed_approval, sealed_resolution, sealed_trigger
from starter.desk.trigger import requested


@dataclass(frozen=True)
class SealOptions:
    """What to seal: a trigger (``live``), an approval of this plan, or a word on this order."""

    account: str
    event_id: str | None = None
    plan_hash: str | None = None
    ref: str | None = None
    filled: int | None = None
    live: bool = False


async def run_seal_command(options: SealOptions) -> None:
    """Print the JSON. Raises ``UserMistake``, ``KeyMissing``, or ``RPCError`` where no rebalance is running."""
    read_connections()
    if (options.live, options.plan_hash is not None, options.ref is not None).count(True) != 1:
        raise UserMistake("Give one of --live, --approve PLAN_HASH and --resolve REF. A dry run needs no seal.")
    if own_key() is None:
        raise KeyMissing(f"There is no file of keys {default_key_file()}; `rebalancer key new` makes one.")
    sealed = await _sealed(options)
    print(sealed.model_dump_json(exclude_defaults=True))  # noqa: T201  # for programs


async def _sealed(options: SealOptions) -> FrozenModel:
    by = operator_name()
    if options.live:
        asked = {"account": options.account, "event_id": options.event_id, "by": by}
        return sealed_trigger(as_asked(requested, mode=ExecutionMode.REBALANCE, **asked))  # pyright: ignore[reportArgumentType]
    run_id = (await handle_of(await connect_temporal(), options.account).describe()).run_id
    if options.plan_hash is not None:
        return sealed_approval(as_asked(Approval, plan_hash=options.plan_hash, by=by), options.account, run_id)
    resolution = as_asked(Resolution, ref=options.ref, filled=options.filled, by=by)  # pyright: ignore[reportArgumentType]
    return sealed_resolution(resolution, options.account, run_id)
