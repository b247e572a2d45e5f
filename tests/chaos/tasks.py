"""Tasks that write down what happens to them."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_tasks_oneshot import Every, constant, task

from . import ledger
from .caps import LAST_CHANCES, NEVER_GIVE_UP
from .points import reach


class Flaw(Exception):
    """What a task raises that is to be retried."""


@contextmanager
def execution(context: Any) -> Iterator[str]:
    """Writes down one execution; its id is what the task returns."""
    result_id, execution_id = context.task_result.id, uuid.uuid4().hex
    ledger.write("start", task=result_id, execution=execution_id, attempt=context.attempt)
    outcome = "interrupted"
    try:
        yield execution_id
        outcome = "returned"
    except Flaw:
        outcome = "raised"
        raise
    finally:
        ledger.write("end", task=result_id, execution=execution_id, outcome=outcome)


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP)
def work(context: Any, seconds: float) -> str:
    with execution(context) as execution_id:
        time.sleep(seconds / 2)
        reach("in-task", context.task_result.id)
        time.sleep(seconds / 2)
    return execution_id


@task(takes_context=True, max_attempts=3, backoff=constant(0), max_interruptions=NEVER_GIVE_UP)
def stumble(context: Any, flaws: int) -> str:
    """Raises in its first attempts, at most two of them."""
    with execution(context) as execution_id:
        reach("in-task", context.task_result.id)
        if context.attempt <= flaws:
            raise Flaw(f"attempt {context.attempt} of {flaws} that raise")
    return execution_id


@task(takes_context=True, max_interruptions=LAST_CHANCES)
def deadly(context: Any) -> None:
    """Kills its process whenever it is executed."""
    with execution(context):
        ledger.write("kill", point="deadly", task=context.task_result.id)
        os.kill(os.getpid(), signal.SIGKILL)


def _fired(context: Any) -> str:
    with execution(context) as execution_id:
        reach("in-task", context.task_result.id)
    return execution_id


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP, schedule=Every(seconds=1))
def every_second(context: Any) -> str:
    return _fired(context)


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP, schedule=Every(seconds=2))
def every_two_seconds(context: Any) -> str:
    return _fired(context)


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP, schedule=Every(seconds=3))
def every_three_seconds(context: Any) -> str:
    return _fired(context)


@task(takes_context=True, max_interruptions=NEVER_GIVE_UP, schedule=Every(seconds=5))
def every_five_seconds(context: Any) -> str:
    return _fired(context)
