"""Tells the codec to which run an activity belongs that a workflow asks for, so that an answer counts in it alone.

The client library tells it the workflow's id and what the activity is called; these two come again in every run.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from temporalio import workflow
from temporalio.converter import ActivitySerializationContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from contract.encryption import PayloadRefused, RunActivity


class AnswersOfARun(WorkflowRunner):
    """Runs workflows as another runner does, and takes only answers of the activities that each run asked for."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner

    def prepare_workflow(self, defn: Any) -> None:
        """As the other runner does."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """One that knows its run."""
        return _Instance(self._runner.create_instance(det), det.info)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """As the other runner does."""
        self._runner.set_worker_level_failure_exception_types(types)


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, info: workflow.Info) -> None:
        self._instance = instance
        self._run_ids = (info.run_id, info.original_execution_run_id)

    def activate(self, act: Any) -> Any:
        """Raises ``PayloadRefused`` for an answer without any content: what our activities answer has some."""
        for job in act.jobs:
            result = job.resolve_activity.result
            if result.HasField("completed") and not result.completed.HasField("result"):
                raise PayloadRefused(
                    f"An activity of {self.get_info().workflow_id} was answered without any content, "
                    f"{PayloadRefused.HOW_TOLD}: whoever reaches Temporal may have done it. See docs/encryption.md, "
                    '"What is refused".'
                )
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:
        context = self._instance.get_serialization_context(command_info)
        if not isinstance(context, ActivitySerializationContext):
            return context
        known = {field.name: getattr(context, field.name) for field in fields(context)}
        known["activity_id"] = context.activity_id or str(command_info.command_seq)
        return RunActivity(**known, run_ids=self._run_ids)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
