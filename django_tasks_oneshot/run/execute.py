"""From a claim to its outcome. Knows no store and writes nothing."""

from __future__ import annotations

import os
import traceback
from datetime import datetime
from typing import Any

from django.utils import timezone

from ..backends.base import LONGEST_EXCEPTION_PATH, Claim, Failed, Outcome, RetryLater, Succeeded, update_result
from ..compat import TaskContext, TaskError, TaskResultStatus, normalize_json
from ..contract.exceptions import Discard, TaskInterrupted, UnstorableValue
from ..contract.retry import retry_delay
from ..contract.task import Policy
from ..db.fields import json_value

LONGEST_TRACEBACK = 64 * 1024  # characters


def execute(claim: Claim, default_policy: Policy) -> tuple[Outcome, BaseException | None]:
    """Calls the task of a started claim; the exception is what its attempt ended in.

    ``default_policy`` holds for what the task itself does not say.

    Whatever the task raises ends here: SystemExit, GeneratorExit and KeyboardInterrupt are failures too.
    """
    policy = default_policy
    process = os.getpid()
    try:
        policy = Policy.of(claim.result.task, default_policy)
        if claim.interruptions > policy.max_interruptions:
            raise TaskInterrupted(_gave_up(claim.interruptions, policy.max_interruptions))
        value = _call(claim)
        try:
            value = json_value(value, normalize_json)
        except UnstorableValue as error:
            raise Discard(f"{claim.path} ran and its return value was lost: {error}.") from error
    except BaseException as error:
        _end_forked_child(process, error)
        return _failure(claim, policy, error, timezone.now()), error
    _end_forked_child(process, None)
    ended_at = timezone.now()
    update_result(claim.result, status=TaskResultStatus.SUCCESSFUL, finished_at=ended_at, _return_value=value)
    return Succeeded(ended_at=ended_at, return_value=value), None


def _end_forked_child(process: int, error: BaseException | None) -> None:
    """A child that a task forked must not go on as a second run that records the task of its parent."""
    if os.getpid() != process:
        code = error.code if isinstance(error, SystemExit) else error is not None
        os._exit(code if isinstance(code, int) else 1)


def _call(claim: Claim) -> Any:
    result = claim.result
    if result.task.takes_context:
        return result.task.call(TaskContext(task_result=result), *result.args, **result.kwargs)
    return result.task.call(*result.args, **result.kwargs)


def _failure(claim: Claim, policy: Policy, error: BaseException, ended_at: datetime) -> Failed | RetryLater:
    result = claim.result
    result.errors.append(describe(error))
    update_result(result, status=TaskResultStatus.FAILED, finished_at=ended_at)
    if isinstance(error, TaskInterrupted):
        return Failed(ended_at=ended_at, error=result.errors[-1])
    try:
        delay = retry_delay(error, result, max_attempts=policy.max_attempts, backoff=policy.backoff)
    except BaseException as backoff_error:
        backoff_error.__cause__ = error
        result.errors[-1] = describe(backoff_error)
        delay = None
    if delay is None:
        return Failed(ended_at=ended_at, error=result.errors[-1])
    update_result(result, status=TaskResultStatus.READY, finished_at=None)
    return RetryLater(ended_at=ended_at, error=result.errors[-1], delay=delay)


def describe(error: BaseException) -> TaskError:
    """The exception in a form that every database can hold. Never raises, whatever the exception does."""
    kind = type(error)
    path = f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException as failure:  # an exception can break its own formatting, and memory may be short
        text = f"{path} (its traceback could not be formatted: {type(failure).__name__})"
    return TaskError(
        exception_class_path=_storable(path, LONGEST_EXCEPTION_PATH), traceback=_storable(text, LONGEST_TRACEBACK)
    )


def summary(error: BaseException | None) -> str:
    """The exception in one short line, for logs. Never raises."""
    try:
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
    except BaseException:
        text = type(error).__name__
    return _storable(text[:200], 200)


def _storable(text: str, longest: int) -> str:
    """PostgreSQL refuses NUL in text, and no database takes lone surrogates. The middle of a long text is dropped."""
    if len(text) > longest:
        half = longest // 2 - 30
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _gave_up(interruptions: int, maximum: int) -> str:
    return (
        f"The process running this task ended without an outcome {interruptions} times in a row, and "
        f"max_interruptions={maximum}. Look for what kills it (memory, a host's time limit), then enqueue it again."
    )
