"""Tasks that continue, on a backend that knows nothing of it: Django's ImmediateBackend, or a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..compat import AnyContext, AnyTask
from .context import TaskContext
from .exceptions import ContinueLater
from .fired import take_fire
from .progress import Checkpoint, Progress


def lacks_progress(task: AnyTask, args: tuple[Any, ...]) -> bool:
    return task.takes_context and bool(args) and not isinstance(args[0], TaskContext)


class StraightThrough:
    """The contexts of one attempt after the other, each at once, as long as the task comes further."""

    def __init__(self, task: AnyTask, context: AnyContext) -> None:
        self.result = context.task_result
        self.fire = take_fire(task)
        self._begin(Checkpoint())

    def _begin(self, checkpoint: Checkpoint) -> None:
        self.began_at = replace(checkpoint)
        self.context = TaskContext(task_result=self.result, progress=Progress(checkpoint), fire=self.fire)

    def go_on(self, later: ContinueLater) -> None:
        """Raises ``later`` again where the task has come no further: it waits for something, here for ever."""
        checkpoint = self.context.progress.checkpoint
        checkpoint.take_over(later)
        if checkpoint == self.began_at:
            raise later
        self._begin(checkpoint)
