"""Temporal's sandbox for workflows, in which a workflow's module is imported."""

from typing import Any

from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.compat.workflows import signup


def prepare(cls: type) -> None:
    """Import a workflow and create it in the sandbox, as a worker does before it starts."""
    definition: Any = workflow._Definition.must_from_class(cls)
    SandboxedWorkflowRunner().prepare_workflow(definition)


async def test_a_workflow_module_may_import_and_use_the_package() -> None:
    prepare(signup.Signup)
