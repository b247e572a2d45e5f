from __future__ import annotations

from collections import Counter

from django.db import transaction

from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.models import Attempt, StoredTask
from tests.project.shop import tasks
from tests.project.shop.models import Execution

TASKS = 2000
RUNS = 4


def test_four_runs_at_once_execute_each_of_2000_tasks_exactly_once(manage):
    with transaction.atomic():
        for number in range(TASKS):
            tasks.write_down.enqueue(str(number))
    processes = [manage.start("run_due_tasks", "--max-seconds", "300") for _ in range(RUNS)]
    for process in processes:
        _, stderr = process.communicate(timeout=400)
        assert (process.returncode, stderr) == (0, "")
    executed = Counter(Execution.objects.values_list("note", flat=True))
    assert len(executed) == TASKS
    assert set(executed.values()) == {1}
    assert StoredTask.objects.filter(status=TaskResultStatus.SUCCESSFUL).count() == TASKS
    assert Attempt.objects.count() == TASKS
    assert Execution.objects.values("process").distinct().count() == RUNS
