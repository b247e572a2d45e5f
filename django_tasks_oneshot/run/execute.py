"""From a claim to its outcome. Knows no store and writes nothing."""

from __future__ import annotations

import os
import traceback
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ..backends.base import (
    LONGEST_EXCEPTION_PATH,
    Claim,
    Continued,
    Failed,
    Interrupted,
    Outcome,
    RetryLater,
    Succeeded,
    update_result,
)
from ..compat import TaskError, TaskResultStatus
from ..contract.context import TaskContext
from ..contract.exceptions import ContinueLater, Discard, Retry, TaskInterrupted, TaskTimeout, UnstorableValue
from ..contract.progress import Progress
from ..contract.retry import duration, retry_delay
from ..contract.task import Policy
from ..contract.values import json_value
from .interrupt import Interrupter

LONGEST_TRACEBACK = 64 * 1024  # characters
LONGEST_SUMMARY = 500  # characters
SHORTEST_WAIT = timedelta(seconds=1)  # of a task that continues and has come no further: it waits for something


_LOOK = "Look for what ends it (memory, a host's time limit)"
_ADVICE = {
    "deadline": "Give its runs more --max-seconds or --grace-seconds, or let it continue in the next one, with "
    "context.resume() and items that take less"
}


def execute(
    claim: Claim, default_policy: Policy, progress: Progress, interrupter: Interrupter
) -> tuple[Outcome, BaseException | None]:
    """Calls the task of a started claim; the exception is what its attempt ended in.

    ``default_policy`` holds for what the task itself does not say. ``progress`` is that of its context.

    Whatever the task raises ends here: SystemExit, GeneratorExit and KeyboardInterrupt are failures too.
    """
    policy = default_policy
    process = os.getpid()
    try:
        policy = Policy.of(claim.result.task, default_policy)
        if claim.interruptions > policy.max_interruptions:
            return _give_up(claim, TaskInterrupted("killed"), policy, claim.interruptions)
        value = _call(claim, policy, progress, interrupter)
        progress.check_end()
        try:
            value = json_value(value)
        except UnstorableValue as error:
            raise Discard(f"{claim.path} ran and its return value was lost: {error}.") from error
    except BaseException as error:
        _end_forked_child(process, error)
        return _outcome_of(error, claim, policy, interrupter)
    _end_forked_child(process, None)
    ended_at = timezone.now()
    update_result(claim.result, status=TaskResultStatus.SUCCESSFUL, finished_at=ended_at, _return_value=value)
    return Succeeded(ended_at=ended_at, return_value=value), None


def _outcome_of(
    error: BaseException, claim: Claim, policy: Policy, interrupter: Interrupter
) -> tuple[Outcome, BaseException | None]:
    error = _out_of_group(error)
    if isinstance(error, ContinueLater):
        try:
            return _continued(claim, error), None
        except Exception as unusable:  # its value or its time
            error = unusable
    interruption = _interruption(error, interrupter)
    if interruption is not None and interrupter.timeout is not None:
        # It was told by its timeout first: the attempt has failed.
        interrupter.timeout.__cause__ = interruption
        error, interruption = interrupter.timeout, None
    if interruption is None:
        return _failure(claim, policy, error, timezone.now()), error
    interruptions = 0 if claim.has_come_further else claim.interruptions
    if interruptions >= policy.max_interruptions:
        return _give_up(claim, interruption, policy, interruptions + 1)
    return _interrupted(interruption), interruption


def _out_of_group(error: BaseException) -> BaseException:
    """What a task says by raising it in an asyncio.TaskGroup comes out in a group."""
    leaf = error
    while isinstance(leaf, BaseExceptionGroup) and len(leaf.exceptions) == 1:
        leaf = leaf.exceptions[0]
    return leaf if isinstance(leaf, ContinueLater | TaskInterrupted | Retry | Discard) else error


def _end_forked_child(process: int, error: BaseException | None) -> None:
    """A child that a task forked must not go on as a second run that records the task of its parent."""
    if os.getpid() != process:
        code = error.code if isinstance(error, SystemExit) else error is not None
        os._exit(code if isinstance(code, int) else 1)


def _call(claim: Claim, policy: Policy, progress: Progress, interrupter: Interrupter) -> Any:
    result = claim.result
    context = TaskContext(task_result=result, progress=progress, fire=claim.fire)
    args = (context, *result.args) if result.task.takes_context else result.args
    return interrupter.call(result.task, policy.timeout, *args, **result.kwargs)


def _interruption(error: BaseException, interrupter: Interrupter) -> TaskInterrupted | None:
    """Whether the attempt ended in an interruption. What a library made of it on its way is one too."""
    if isinstance(error, TaskInterrupted):
        return error
    if interrupter.interruption is not None:
        interrupter.interruption.__cause__ = error
    return interrupter.interruption


def _continued(claim: Claim, later: ContinueLater) -> Continued:
    delay = duration("after", later.after)
    claim.checkpoint.take_over(later)
    claim.check_checkpoint()
    if not claim.has_come_further:
        delay = max(delay, SHORTEST_WAIT)
    update_result(claim.result, status=TaskResultStatus.READY)
    return Continued(ended_at=timezone.now(), delay=delay)


def _interrupted(interruption: TaskInterrupted) -> Interrupted:
    return Interrupted(ended_at=timezone.now(), error=describe(interruption))


def _give_up(
    claim: Claim, interruption: TaskInterrupted, policy: Policy, interruptions: int
) -> tuple[Failed, TaskInterrupted]:
    error = TaskInterrupted(
        interruption.reason,
        f"interrupted {interruptions} times in a row, and max_interruptions={policy.max_interruptions}. "
        f"{_ADVICE.get(interruption.reason, _LOOK)}, then enqueue it again",
    )
    error.__cause__ = interruption
    ended_at = timezone.now()
    claim.result.errors.append(describe(error))
    update_result(claim.result, status=TaskResultStatus.FAILED, finished_at=ended_at)
    return Failed(ended_at=ended_at, error=claim.result.errors[-1]), error


def _failure(claim: Claim, policy: Policy, error: BaseException, ended_at: datetime) -> Failed | RetryLater:
    result = claim.result
    result.errors.append(describe(error))
    update_result(result, status=TaskResultStatus.FAILED, finished_at=ended_at)
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


def cut_off(claim: Claim, default_policy: Policy, error: TaskTimeout | TaskInterrupted) -> Outcome:
    """The outcome of a task that does not end, and whose process has to."""
    if isinstance(error, TaskInterrupted):
        return _interrupted(error)
    return _failure(claim, Policy.of(claim.result.task, default_policy), error, timezone.now())


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
    return _storable(text[:LONGEST_SUMMARY], LONGEST_SUMMARY)


def _storable(text: str, longest: int) -> str:
    """PostgreSQL refuses NUL in text, and no database takes lone surrogates. The middle of a long text is dropped."""
    if len(text) > longest:
        half = longest // 2 - 30
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
