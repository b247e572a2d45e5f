"""The test project without its own tasks: what runs is only what the harness asks for."""

import json
import os

from tests.project.settings import *  # noqa: F403
from tests.project.settings import TASKS, sqs

from .sqs import OPTIONS

INSTALLED_APPS = ["django_tasks_oneshot", "tests.chaos"]
if options := os.environ.get(OPTIONS):
    TASKS = {**TASKS, "default": sqs(**json.loads(options))}
