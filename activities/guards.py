"""The guards as an activity, so that what they found is recorded and a changed guard never breaks a replay."""

from temporalio import activity

from rebalancing import guards


@activity.defn
async def check_guards(request: guards.GuardRequest) -> tuple[guards.Breach, ...]:
    """Every guard that a plan breaches."""
    return guards.breaches(request)
