"""The planner without hurry: on a loaded machine, the solver's time limit must not change what a test sees."""

from functools import partial

from rebalancing.planner import planning, sizing

PATIENCE = 300.0
"""Seconds for the solver, far more than any test needs."""

make_plan = partial(planning.make_plan, solver_seconds=PATIENCE)
size_buys = partial(planning.size_buys, solver_seconds=PATIENCE)
choose_quantities = partial(sizing.choose_quantities, seconds=PATIENCE)
