from __future__ import annotations

import os
from typing import Any

from django.apps import AppConfig, apps

from django_tasks_oneshot.compat import task_finished, task_started

from . import ledger
from .points import reach
from .sqs import OPTIONS


class ChaosConfig(AppConfig):
    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        task_started.connect(_started)
        task_finished.connect(_finished)
        if apps.is_installed("django_tasks_oneshot"):
            from . import internals

            internals.install()
        if OPTIONS in os.environ:
            from .sqs import internals as internals_of_sqs

            internals_of_sqs.install()


def _started(task_result: Any, **kwargs: Any) -> None:
    reach("before-task", task_result.id)


def _finished(task_result: Any, **kwargs: Any) -> None:
    ledger.write("finished", task=task_result.id, outcome=str(task_result.status))
