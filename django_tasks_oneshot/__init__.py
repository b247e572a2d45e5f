"""Runs ``django.tasks`` on hosts that have no persistent process."""

from .compat import InvalidTask
from .contract.exceptions import Discard, Retry, TaskInterrupted
from .contract.retry import constant, exponential, linear
from .contract.schedule import Cron, Every
from .contract.task import task

__version__ = "0.1.0"

__all__ = [
    "Cron",
    "Discard",
    "Every",
    "InvalidTask",
    "Retry",
    "TaskInterrupted",
    "constant",
    "exponential",
    "linear",
    "task",
]
