"""The story of a run."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import Error as DatabaseFailure
from django.utils.crypto import get_random_string

from ..backends.base import (
    Claim,
    Claimant,
    Continued,
    Failed,
    Interrupted,
    OneshotBackend,
    Outcome,
    Recorded,
    RetryLater,
    StoreUnavailable,
)
from ..compat import task_finished, task_started
from ..contract.exceptions import TaskInterrupted
from ..contract.notify import Notice, notices_held_back, notify
from ..contract.pace import Pace
from ..db.connections import RunConnections
from .admission import Admission
from .deadline import WRAP_UP, Deadline
from .execute import cut_off, execute, summary
from .heartbeat import Heartbeat
from .host import Host
from .interrupt import Interrupter
from .isolation import Surroundings, in_own_context
from .progress import ClaimProgress
from .report import Report, StopReason
from .schedules import has_schedules
from .signals import stop_on_signals
from .tick import Ticker
from .watchdog import log_aside, watchdog

T = TypeVar("T")

logger = logging.getLogger("django_tasks_oneshot")

POLL_SECONDS = 1.0
LARGEST_BATCH = 100
BATCH_SECONDS = 0.5  # few trips for short tasks, nothing hoarded behind long ones


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds a run besides its deadline. ``wait``: poll on when nothing is due, instead of ending.

    ``deliveries``: messages that the host has received for this run, which does nothing but what they stand for.
    """

    queues: Collection[str] = ()
    max_tasks: int | None = None
    wait: bool = False
    deliveries: Sequence[Any] | None = None


def drain(backend: OneshotBackend, deadline: Deadline, limits: Limits, host: Host = Host()) -> Report:  # noqa: B008
    """Executes what is due until nothing is, or a limit or a signal says stop."""
    with Run(backend, deadline, limits, host) as run:
        while (stop := run.reason_to_stop()) is None:
            run.tick()
            run.dispatch()
            claims = run.claim()
            if claims:
                run.work_through(claims)
            elif limits.wait:
                run.pause()
            else:
                stop = "empty"
                break
        return run.finish(stop)


class Run:
    """The parts of one run, from the opening of its connections to their closing."""

    def __init__(self, backend: OneshotBackend, deadline: Deadline, limits: Limits, host: Host) -> None:
        self.backend = backend
        self.deadline = deadline
        self.limits = limits
        self.host = host
        self.report = Report(worker_id=host.worker_id or get_random_string(32))
        self.store = backend.open_store(
            Claimant(
                worker_id=self.report.worker_id,
                queues=limits.queues,
                lease=self.lease,
                remaining=self.remaining,
                deliveries=limits.deliveries,
            )
        )
        self.admission = Admission(self.store, deadline)
        looks_at_schedules = limits.deliveries is None and has_schedules()
        self.ticker = Ticker(self.remaining, self.call_project) if looks_at_schedules else None
        self.interrupter = Interrupter(deadline)
        self.next_tick = 0.0
        self.batch = Pace(seconds=BATCH_SECONDS, largest=LARGEST_BATCH)
        self.claims: deque[Claim] = deque()  # that it holds, the first one started
        self.current: Claim | None = None  # the one that is executed or recorded
        self.outcome: Outcome | None = None  # of the current one
        self.began_at = 0.0  # seconds since the run began
        self.step_seconds: float | None = None  # what it needs to come any further, if it says so

    def remaining(self) -> float:
        return self.deadline.remaining

    def lease(self) -> timedelta:
        return self.deadline.lease(self.backend.lease)

    def __enter__(self) -> Run:
        with ExitStack() as stack:
            stack.enter_context(stop_on_signals(self.deadline))
            stack.enter_context(self.interrupter.installed())
            databases = self.store.databases | (self.ticker.databases if self.ticker else frozenset())
            self.connections = stack.enter_context(RunConnections(databases, keep=self.host.outlives_runs))
            # On a connection that it shares, a run is inside a transaction that nobody else can see.
            shares = bool(self.store.databases & self.connections.shared)
            self.heartbeat = Heartbeat(self.store, None if shares else self.lease)
            stack.callback(self.heartbeat.stop)
            stack.enter_context(watchdog(self.deadline, self.interrupter, self.overrun))
            stack.callback(self.store.close)
            self.surroundings = Surroundings()
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.close()

    def reason_to_stop(self) -> StopReason | None:
        if self.deadline.is_stopped:
            return "signal"
        if self.limits.max_tasks is not None and self.report.claimed >= self.limits.max_tasks:
            return "max_tasks"
        if self.deadline.remaining <= 0:
            return "max_seconds"
        return None

    def tick(self) -> None:
        """Enqueues due schedules, about once a second."""
        if self.ticker is None or self.deadline.elapsed < self.next_tick:
            return
        notices: list[Notice] = []
        try:
            with notices_held_back() as notices:
                self.report.scheduled += self.ticker.tick()
        finally:  # what was committed before a failure was enqueued
            for notice in notices:
                self.call_project(notify, *notice)
        self.next_tick = self.deadline.elapsed + POLL_SECONDS

    def dispatch(self) -> None:
        """Hands on what others are to execute, if this backend has any."""
        self.report.dispatched += self.store.dispatch()

    def claim(self) -> Sequence[Claim]:
        limit = self.batch.size
        if self.limits.max_tasks is not None:
            limit = min(limit, self.limits.max_tasks - self.report.claimed)
        return self.admission.claim(limit)

    def work_through(self, claims: Iterable[Claim]) -> None:
        """Executes claims one after the other, each recorded in the commit that starts the next."""
        began = self.deadline.elapsed
        self.claims = deque(claims)
        while self.claims and self.reason_to_stop() is None:
            claim = self.claims[0]
            outcome, error = self.execute(claim)
            following = self.following()
            recorded = self.record(claim, outcome, following)
            self.claims.popleft()
            with self.heartbeat.keeping(following if recorded.started else None):
                self.conclude(claim, outcome, error, kept=recorded.kept)
            if not recorded.started:
                break
        self.store.release(self.claims)
        self.claims.clear()
        self.batch.adapt(self.deadline.elapsed - began)

    def following(self) -> Claim | None:
        """The claim that may start when the first one is recorded."""
        if len(self.claims) == 1 or self.reason_to_stop() is not None:
            return None
        return self.claims[1] if self.admission.admits(self.claims[1]) else None

    def execute(self, claim: Claim) -> tuple[Outcome, BaseException | None]:
        self.current = claim
        self.report.claimed += 1
        self.report.interrupted += claim.rescued
        self.began_at = self.deadline.elapsed
        self.admission.begin(claim)
        with self.heartbeat.keeping(claim):
            outcome, error = self.call_project(self.attempt, claim)
        self.learn(claim, outcome)
        return outcome, error

    def learn(self, claim: Claim, outcome: Outcome) -> None:
        self.admission.learn(claim, outcome, self.deadline.elapsed - self.began_at, self.step_seconds)

    def attempt(self, claim: Claim) -> tuple[Outcome, BaseException | None]:
        notify(task_started, self.backend, claim.result)
        progress = ClaimProgress(claim, self.store, self.connections, self.deadline, self.interrupter)
        self.outcome, error = execute(claim, self.backend.default_policy, progress, self.interrupter)
        self.step_seconds = progress.step_seconds
        return self.outcome, error

    def record(self, claim: Claim, outcome: Outcome, following: Claim | None) -> Recorded:
        try:
            recorded = self.store.record(claim, outcome, start=following)
        except Exception:
            logger.error(
                "Task id=%s path=%s ended (%s), and that could not be written. It runs again when its lease ends.",
                claim.id,
                claim.path,
                type(outcome).__name__,
            )
            raise
        self.current = self.outcome = None
        return recorded

    def call_project(self, function: Callable[..., T], *args: Any) -> T:
        """For what the project wrote, tasks and signal receivers: what it leaves behind is put in order after."""
        with self.connections.for_task():
            try:
                return in_own_context(function, *args)
            finally:
                self.surroundings.restore()

    def conclude(self, claim: Claim, outcome: Outcome, error: BaseException | None, *, kept: bool) -> None:
        """Counts and logs an outcome, and tells the project where it is final."""
        if not kept:
            self.report.interrupted += 1
            logger.warning(
                "Task id=%s path=%s lost its lease; its outcome (%s) is dropped, another run has the task.",
                claim.id,
                claim.path,
                type(outcome).__name__,
            )
            return
        about = f"Task id={claim.id} path={claim.path}"
        if isinstance(outcome, Continued):
            self.report.continued += 1
            logger.info("%s has come further and continues later.", about)
            return
        if isinstance(outcome, Interrupted):
            self.report.interrupted += 1
            logger.warning("%s was interrupted and runs again (%s).", about, summary(error))
            return
        if isinstance(outcome, RetryLater):
            self.report.retried += 1
            seconds = outcome.delay.total_seconds()
            logger.warning("%s failed and is tried again in %.3g s (%s).", about, seconds, summary(error))
            return
        if isinstance(outcome, Failed):
            self.report.failed += 1
            logger.error("%s failed for good in attempt %d (%s).", about, claim.result.attempts, summary(error))
        else:
            self.report.succeeded += 1
            logger.info("%s succeeded in attempt %d.", about, claim.result.attempts)
        self.call_project(self.announce_finished, claim, error)

    def announce_finished(self, claim: Claim, error: BaseException | None) -> None:
        try:
            if error is not None:
                raise error
        except BaseException:  # the framework's own receiver logs sys.exc_info()
            notify(task_finished, self.backend, claim.result)
        else:
            notify(task_finished, self.backend, claim.result)

    def pause(self) -> None:
        self.connections.close_idle()
        time.sleep(min(POLL_SECONDS, self.deadline.remaining))

    def overrun(self) -> None:
        """The run is still there when it has to be gone. Called in the watchdog's thread."""
        claim, outcome = self.current, self.outcome
        busy_with = f"task id={claim.id} path={claim.path}" if claim and not outcome else "what follows a task"
        if self.host.exit_now is not None:
            patience = threading.Timer(WRAP_UP, self.host.exit_now, [1])
            patience.daemon = True
            patience.start()
        log_aside("The run has to be gone, and is still busy with %s.", busy_with)
        if self.host.exit_now is not None:
            with RunConnections(self.store.databases):
                if claim is not None:
                    error = self.deadline.timed_out() or self.deadline.cut_off() or TaskInterrupted()
                    outcome = outcome or cut_off(claim, self.backend.default_policy, error)
                    self.store.record(claim, outcome, start=None)
                    what = type(outcome).__name__
                    log_aside("Task id=%s path=%s is recorded: %s. Its process ends.", claim.id, claim.path, what)
                    self.learn(claim, outcome)
                self.store.release(each for each in tuple(self.claims) if each is not claim)
                self.store.close()
                self.store.flush()
                self.admission.keep()
            self.host.exit_now(int(isinstance(outcome, Failed)))

    def finish(self, stop: StopReason) -> Report:
        if stop == "empty" and self.admission.has_passed_over:
            stop = "nothing_fits"
        self.report.stopped_because = stop
        try:
            self.admission.keep()
            if stop != "empty":
                self.report.remaining = self.store.count_due()
        except (DatabaseFailure, StoreUnavailable) as error:
            self.report.remaining = None
            logger.warning("What the run leaves to the next could not be counted (%s).", error)
        self.report.seconds = self.deadline.elapsed
        return self.report
