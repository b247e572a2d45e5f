"""The test project without its own tasks: what runs is only what the harness asks for."""

from tests.project.settings import *  # noqa: F403

INSTALLED_APPS = ["django_tasks_oneshot", "tests.chaos"]
