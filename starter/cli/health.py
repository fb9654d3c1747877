"""``rebalancer health``: whether a process of this machine does its work, for whoever restarts it."""

import platform

from temporalio.service import RPCError

from contract.process_in_use import Role
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, FAILED, CommandFailed
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.health import problems
from starter.desk.mistakes import told_of


async def run_health_command(role: Role, *, as_json: bool) -> int:
    """Print what is wrong with it; the exit status is 1 if anything is."""
    _, configuration = read_setup(may_be_simulated=True)
    try:
        found = await problems(await connect_temporal(), configuration, role, platform.node())
    except RPCError as error:
        raise CommandFailed(told_of(error)) from None
    if as_json:
        print_json({"role": role.value, "ok": not found, "problems": found})
    elif found:
        error_console().print("\n".join(found), style="red", markup=False)
    else:
        output_console().print(f"The {role} on {platform.node()} does its work.", markup=False)
    return FAILED if found else DONE
