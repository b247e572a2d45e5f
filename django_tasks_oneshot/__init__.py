"""Runs ``django.tasks`` on hosts that have no persistent process."""

from .compat import InvalidTask
from .contract.context import TaskContext
from .contract.cron import Cron
from .contract.every import Every
from .contract.exceptions import (
    ContinueLater,
    Discard,
    NotEnqueued,
    Retry,
    TaskInterrupted,
    TaskTimeout,
    UnstorableValue,
)
from .contract.retry import constant, exponential, linear
from .contract.task import task

__version__ = "0.1.0"

__all__ = [
    "ContinueLater",
    "Cron",
    "Discard",
    "Every",
    "InvalidTask",
    "NotEnqueued",
    "Retry",
    "TaskContext",
    "TaskInterrupted",
    "TaskTimeout",
    "UnstorableValue",
    "constant",
    "exponential",
    "linear",
    "task",
]
