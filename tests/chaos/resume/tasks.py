"""A task that goes through rows and writes down which ones it has done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_tasks_oneshot import ContinueLater, task

from .. import ledger
from . import diary
from .models import Row

PAUSE = "CHAOS_PAUSE"  # the variable that tells a run how many seconds a row takes
NEVER_GIVE_UP = 1000  # interruptions: no number of kills may make the task fail


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP)
def go_through(context: Any, rows: int, leave_every: int, **resume: Any) -> None:
    """At every so many rows it leaves by itself: then nothing but the record of the attempt keeps how far it is."""
    pause = float(os.environ.get(PAUSE, "0")) / 2
    has_done = False
    with execution(context):
        for row in context.resume(Row.objects.filter(pk__lte=rows), key="pk", **resume):
            if has_done and row.pk % leave_every == 0:
                raise ContinueLater
            if pause:  # to sleep for 0 takes longer than a row
                time.sleep(pause)
            diary.row_is_done(context.attempt, row.pk)
            if pause:
                time.sleep(pause)
            has_done = True


@contextmanager
def execution(context: Any) -> Iterator[None]:
    about = {"task": context.task_result.id, "execution": str(context.attempt)}
    ledger.write("start", **about)
    outcome = "interrupted"
    try:
        yield
        outcome = "returned"
    except ContinueLater:
        outcome = "continued"
        raise
    finally:
        ledger.write("end", **about, outcome=outcome)
