"""What a schedule does when its time has come: what fails for one account stays there (promise P7)."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from activities.schedules import ScheduleActivities
from activities.seals import Seals
from configuration.configuration_in_use import ConfigurationInUse
from configuration.keys_in_use import KeysInUse
from contract.names import workflow_id
from rebalancing.triggers import Trigger
from testbed.temporal_server import temporal_server
from tests.house import Holding, configuration


async def test_an_account_that_cannot_be_triggered_keeps_no_other_from_it() -> None:
    async with temporal_server() as server:
        in_use = ConfigurationInUse(configuration({"DU1": Holding()}))
        seals = Seals(KeysInUse(lambda: in_use.settings))
        schedules = ScheduleActivities(in_use, server.client, seals)
        triggers = tuple(
            Trigger(account=account, event_id="schedule-weekly-1", requested_at=datetime.now(UTC))
            for account in ("no account", "DU1")
        )
        with pytest.raises(ValidationError, match="no account"):
            await schedules.deliver_triggers(triggers)
        description = await server.client.get_workflow_handle(workflow_id("DU1")).describe()
        assert description.close_time is None
