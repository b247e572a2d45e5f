"""The test project with nothing but a task that can be continued: no schedules, and none of the named points."""

from tests.project.settings import *  # noqa: F403
from tests.project.settings import TASKS

INSTALLED_APPS = ["django_tasks_oneshot", "tests.chaos.resume"]
TASKS = {"default": {**TASKS["default"], "QUEUES": []}}
