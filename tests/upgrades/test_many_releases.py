"""A server keeps a hundred releases; the one after those takes the place of the oldest that nothing is left of."""

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client

from contract.releases import DEPLOYMENT, release_in_charge
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.house import Holding, house
from worker.build import own_release
from worker.temporal import SERVER_SETTINGS

pytestmark = pytest.mark.faults

OLD = tuple(f"0.0.{number}-0123456789ab" for number in range(3))
"""As many as the server of this test keeps."""

FULL_SOON = {
    "matching.maxVersionsInDeployment": str(len(OLD)),
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}


async def was_in_charge(client: Client, build_id: str) -> None:
    """A release that new runs began with once, and that has no worker any more."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace, deployment_name=DEPLOYMENT, build_id=build_id, allow_no_pollers=True
        ),
        retry=True,
    )


async def test_the_release_after_the_last_that_the_server_has_room_for_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FULL_SOON.items():
        monkeypatch.setitem(SERVER_SETTINGS, name, value)
    async with temporal_server() as server:
        for build_id in OLD:
            await was_in_charge(server.client, build_id)
        async with house({"DU1": Holding()}, temporal=server) as own:

            async def leads() -> bool:
                return await release_in_charge(own.client) == own_release()

            await until(leads)
            assert (await (await own.trigger("DU1")).result()).outcome is not None
            assert len(own.accepted_orders("DU1")) == 3
