"""What a person does to tracks: pure functions from a project, which they only read, to an edit."""

from datasets.projects.operations.registry import OPERATIONS, run
from datasets.projects.operations.steps import together

__all__ = ["OPERATIONS", "run", "together"]
