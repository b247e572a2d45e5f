"""Named points at which a run kills or freezes itself. A variable tells it where: ``kill in-task 3``.

Two of them are in every executor of ``django.tasks``: the signal before a task, and the task itself.
Those in the middle of our own code are in internals.py.
"""

from __future__ import annotations

import os
import signal
from functools import cache

from . import ledger

TRAP = "CHAOS_TRAP"
NAMES = ("after-claim", "before-task", "in-task", "before-record", "after-record", "in-tick")
SENDING = ("after-send", "before-delete")  # around the requests of SQS
ANYWHERE = ("before-task", "in-task")
RANDOM = "random"  # not a point: a kill at any moment
#: Here it is not known what is under way.
ANY_MOMENT = (RANDOM, "before-send", *SENDING)
FREEZING = ("in-task", "before-record")


class Trap:
    """Springs when its point is reached for the n-th time."""

    def __init__(self, action: str, point: str, count: int) -> None:
        self.action = action
        self.point = point
        self.left = count

    def reach(self, point: str, task: str) -> None:
        if point == self.point:
            self.left -= 1
            if not self.left:
                ledger.write(self.action, point=point, task=task)
                self._spring(task)

    def _spring(self, task: str) -> None:
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGSTOP)  # all threads, the heartbeat too, until the supervisor says SIGCONT
        ledger.write("thaw", point=self.point, task=task)


def reach(point: str, task: str = "") -> None:
    """``task``: the id of the task result that is started and has no outcome at this point."""
    if trap := _trap():
        trap.reach(point, task)


@cache
def _trap() -> Trap | None:
    if trap := os.environ.get(TRAP):
        action, point, count = trap.split()
        return Trap(action, point, int(count))
    return None
