"""Claiming and recording rows. Every statement that writes to a claimed row names its token."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

from django.db import DatabaseError, connections, models, transaction
from django.utils import timezone

from ..compat import TaskError, TaskResultStatus
from ..contract.missed import Fire
from ..contract.progress import Checkpoint
from ..db.clock import DatabaseNow, database_now
from ..db.trouble import insist
from ..db.writes import Insert, Update, commit
from ..models import Attempt, StoredTask, TaskDuration
from .base import (
    KILLED,
    LONGEST_EXCEPTION_PATH,
    Claim,
    Claimant,
    Continued,
    DueTask,
    Duration,
    Failed,
    Interrupted,
    OneshotBackend,
    Outcome,
    Recorded,
    RetryLater,
    Store,
    Succeeded,
)
from .database_lanes import Lane, occupied_lanes
from .database_rows import build_result, database_of_tasks, stored_task
from .lanes import State, lane_of

#: How long a claim is held that was not started yet. A run starts its claims within about a second each;
#: what waits behind a slower task falls to another run after this time.
HOLD = timedelta(seconds=10)
#: What claiming and starting change in a row, besides its token.
CLAIMED_COLUMNS = ("lane", "due_at", "status", "attempt_count", "worker_id", "started_at", "last_attempted_at")
NO_ERROR = TaskError(exception_class_path="", traceback="")


StoredTasks: TypeAlias = "models.QuerySet[StoredTask]"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What this store keeps in a claim: its row, and what that said before it was claimed."""

    row: StoredTask
    before: dict[str, Any]


class DatabaseStore(Store):
    def __init__(self, backend: OneshotBackend, claimant: Claimant) -> None:
        super().__init__(backend, claimant)
        self.alias = database_of_tasks()
        self.databases = frozenset({self.alias})
        self.rows = StoredTask.objects.using(self.alias)

    def claim(
        self, limit: int, *, only: Collection[str] | None = None, leaving: Collection[str] = ()
    ) -> Sequence[Claim]:
        rows = self.rows if only is None else self.rows.filter(task_path__in=only)
        rows = rows.exclude(task_path__in=leaving) if leaving else rows
        return insist(self.alias, lambda: self._claim(rows, limit), remaining=self.remaining)

    def _claim(self, among: StoredTasks, limit: int) -> Sequence[Claim]:
        for lane in self._due_lanes():
            if claims := self._claim_from(lane, among, limit):
                return claims
        return ()

    def _claim_from(self, lane: Lane, among: StoredTasks, limit: int) -> list[Claim]:
        with transaction.atomic(using=self.alias):
            return self._take(list(self._lock(due_in(lane, among))[:limit]))

    def _take(self, rows: list[StoredTask]) -> list[Claim]:
        """Claims rows that are locked, and starts the first of them."""
        if not rows:
            return []
        token = uuid.uuid4()
        killed = [row for row in rows if row.status == TaskResultStatus.RUNNING]
        self._record_killed(killed)
        attempts = self._attempts_of([row.pk for row in rows if row.attempt_count])
        claims = [self._claim_of(row, token, attempts[row.pk], rescued=row in killed) for row in rows]
        for lane, in_lane in groupby(rows, key=partial(lane_of_row, state="claimed")):
            self.rows.filter(pk__in=[row.pk for row in in_lane]).update(
                token=token,
                lane=lane,
                due_at=DatabaseNow(min(HOLD, self.lease())),
                status=TaskResultStatus.READY,
            )
        self.rows.filter(pk=rows[0].pk).update(**self._begin(rows[0]))
        return claims

    def _claim_of(self, row: StoredTask, token: uuid.UUID, attempts: list[Attempt], *, rescued: bool) -> Claim:
        return Claim(
            id=str(row.pk),
            path=row.task_path,
            token=str(token),
            load=lambda: build_result(self.backend, row, stored_task(self.backend, row), attempts),
            interruptions=_trailing_interruptions(attempts, since=row.checkpoint_attempt or 0),
            rescued=rescued,
            checkpoint=Checkpoint.from_json(row.checkpoint),
            fire=Fire(row.scheduled_for, row.replaces or 0) if row.scheduled_for else None,
            state=Held(row=row, before={"token": None} | {name: getattr(row, name) for name in CLAIMED_COLUMNS}),
        )

    def _begin(self, row: StoredTask) -> dict[str, Any]:
        """Begins the row's next attempt, under a lease; returns what has to be written for that."""
        now = timezone.now()
        changes = {
            "status": TaskResultStatus.RUNNING,
            "attempt_count": row.attempt_count + 1,
            "worker_id": self.worker_id,
            "started_at": row.started_at or now,
            "last_attempted_at": now,
        }
        for name, value in changes.items():
            setattr(row, name, value)
        return {**changes, "due_at": DatabaseNow(self.lease())}

    def _lock(self, rows: StoredTasks) -> StoredTasks:
        # SQLite has no row locks: there the run's transactions begin IMMEDIATE (see db.connections).
        return rows.select_for_update(skip_locked=connections[self.alias].features.has_select_for_update_skip_locked)

    def _record_killed(self, rows: list[StoredTask]) -> None:
        """The lease of these ran out: their process is gone, and this is the first to know."""
        now = timezone.now()
        for row in rows:
            row.status = TaskResultStatus.READY
        Attempt.objects.using(self.alias).bulk_create(
            Attempt(
                task=row,
                number=row.attempt_count,
                worker_id=row.worker_id,
                started_at=row.last_attempted_at or now,
                finished_at=now,
                outcome=Attempt.Outcome.INTERRUPTED,
                exception_class_path=KILLED.exception_class_path,
                traceback=KILLED.traceback,
            )
            for row in rows
        )

    def _attempts_of(self, ids: list[Any]) -> dict[Any, list[Attempt]]:
        attempts: dict[Any, list[Attempt]] = defaultdict(list)
        if ids:
            for attempt in Attempt.objects.using(self.alias).filter(task__in=ids).order_by("task", "number"):
                attempts[attempt.task_id].append(attempt)
        return attempts

    def record(self, claim: Claim, outcome: Outcome, *, start: Claim | None) -> Recorded:
        starting = [] if start is None else [self._update(start, **self._begin(start.state.row))]
        try:
            # Where the run has to be gone before, it is ended by its watchdog.
            kept, *started = insist(
                self.alias, lambda: self._record(claim, outcome, starting), self.backend.lease.total_seconds()
            )
        except DatabaseError:
            if isinstance(outcome, Succeeded | Continued) or outcome.error.traceback.isascii():
                raise
            # The database may have an encoding that cannot hold the text: the attempt still has to end.
            kept, *started = self._record(claim, replace(outcome, error=_ascii(outcome.error)), starting)
        kept = kept or insist(self.alias, lambda: self._is_recorded(claim, outcome))
        return Recorded(kept=kept, started=started == [True])

    def _record(self, claim: Claim, outcome: Outcome, starting: list[Update]) -> list[bool]:
        retry_at = database_now(self.alias) + outcome.delay if isinstance(outcome, RetryLater) else None
        changes = {**_progress(claim), **_columns(claim, outcome, retry_at)}
        ending = self._update(claim, token=None, **changes)
        attempt = Insert(model=Attempt, values=_attempt(claim.state.row, outcome, retry_at))
        kept, _, *started = commit(self.alias, [ending, attempt, *starting])
        return [kept, *started]

    def _is_recorded(self, claim: Claim, outcome: Outcome) -> bool:
        """Whether this attempt's end was written after all: a connection may break between a commit and its answer."""
        row = claim.state.row
        mine = Attempt.objects.using(self.alias).filter(task=row, number=row.attempt_count, worker_id=self.worker_id)
        # Who rescued the task has written another time.
        return mine.filter(finished_at=outcome.ended_at).exists()

    def _update(self, claim: Claim, **changes: Any) -> Update:
        """A write to the row of a claim. It finds no row where the claim was lost."""
        return Update(model=StoredTask, where={"id": claim.id, "token": claim.token}, changes=changes)

    def release(self, claims: Iterable[Claim]) -> None:
        if given_back := [self._update(claim, **claim.state.before) for claim in claims]:
            insist(self.alias, lambda: commit(self.alias, given_back))

    def checkpoint(self, claim: Claim) -> bool:
        now_written = claim.checkpoint.as_json()
        renewal = self._update(claim, due_at=DatabaseNow(self.lease()), **_progress(claim))
        # Not for a lease, as an outcome: this one is not lost, it goes with the outcome.
        if insist(self.alias, lambda: commit(self.alias, [renewal])) != [True]:
            return False
        claim.written = now_written
        return True

    def extend(self, claim: Claim) -> bool:
        return commit(self.alias, [self._update(claim, due_at=DatabaseNow(self.lease()))]) == [True]

    def due(self, limit: int) -> Sequence[DueTask]:
        return insist(self.alias, lambda: self._due(limit))

    def _due(self, limit: int) -> list[DueTask]:
        found: list[DueTask] = []
        for lane in self._due_lanes():
            rows = due_in(lane, self.rows)
            found += [
                DueTask(
                    id=str(row.pk),
                    path=row.task_path,
                    queue_name=row.queue_name,
                    priority=row.priority,
                    due_at=row.due_at,
                )
                for row in rows[: limit - len(found)]
            ]
        return found

    def count_due(self) -> int:
        return insist(self.alias, self._count_due, remaining=self.remaining)

    def _count_due(self) -> int:
        names = [lane.name for lane in self._due_lanes()]
        return self.rows.filter(lane__in=names, due_at__lte=DatabaseNow()).count() if names else 0

    def durations(self) -> dict[str, Duration]:
        rows = TaskDuration.objects.using(self.alias)
        return insist(self.alias, lambda: {row.path: _duration(row) for row in rows.all()}, remaining=self.remaining)

    def keep_durations(self, durations: Mapping[str, Duration]) -> None:
        rows = TaskDuration.objects.using(self.alias)
        for path, each in durations.items():
            # Not in one transaction: of two runs that keep several, each in its order, none waits for the other.
            insist(self.alias, partial(rows.update_or_create, path=path, defaults=asdict(each)))

    def _due_lanes(self) -> list[Lane]:
        """Those of this backend and these queues, the most urgent first; at a priority, what was left behind first."""
        lanes = [
            lane
            for lane in occupied_lanes(self.alias)
            if lane.is_due
            and lane.backend_name == self.backend.alias
            and (not self.queues or lane.queue_name in self.queues)
        ]
        return sorted(lanes, key=lambda lane: (-lane.priority, lane.state != "claimed", lane.first_due_at))


def due_in(lane: Lane, rows: StoredTasks) -> StoredTasks:
    return rows.filter(lane=lane.name, due_at__lte=DatabaseNow()).order_by("due_at", "pk")


def _duration(row: TaskDuration) -> Duration:
    return Duration(seconds=row.seconds, continues=row.continues, passed_over=row.passed_over)


def _progress(claim: Claim) -> dict[str, Any]:
    """What the row of a task is to say about how far it has come; nothing where it says that already."""
    checkpoint = claim.checkpoint.as_json()
    changes = {} if checkpoint == claim.written else {"checkpoint": checkpoint}
    return {**changes, "checkpoint_attempt": claim.state.row.attempt_count} if claim.has_come_further else changes


def lane_of_row(row: StoredTask, state: State = "") -> str:
    return lane_of(row.backend_name, row.queue_name, row.priority, state)


def _columns(claim: Claim, outcome: Outcome, retry_at: datetime | None) -> dict[str, Any]:
    """What the row of a task says after an attempt that ended like this."""
    held: Held = claim.state
    if isinstance(outcome, Interrupted):  # its old place
        return {"status": TaskResultStatus.READY, "lane": held.before["lane"], "due_at": held.before["due_at"]}
    if isinstance(outcome, RetryLater):
        waiting = {"status": TaskResultStatus.READY, "lane": lane_of_row(held.row)}
        return {**waiting, "due_at": retry_at, "run_after": retry_at}
    if isinstance(outcome, Continued):  # behind what is due already: a task of many hours leaves room for others
        due_at = DatabaseNow(outcome.delay)
        run_after = {"run_after": due_at} if outcome.delay else {}
        return {"status": TaskResultStatus.READY, "lane": lane_of_row(held.row), "due_at": due_at, **run_after}
    finished = {"lane": None, "due_at": None, "finished_at": outcome.ended_at}
    if isinstance(outcome, Failed):
        return {"status": TaskResultStatus.FAILED, **finished}
    succeeded = {"status": TaskResultStatus.SUCCESSFUL, "return_value": outcome.return_value, **finished}
    return {**succeeded, "checkpoint": None} if claim.checkpoint.as_json() else succeeded


_ATTEMPT_OUTCOMES = {
    Succeeded: Attempt.Outcome.SUCCEEDED,
    Failed: Attempt.Outcome.FAILED,
    RetryLater: Attempt.Outcome.FAILED,
    Interrupted: Attempt.Outcome.INTERRUPTED,
    Continued: Attempt.Outcome.CONTINUED,
}


def _attempt(row: StoredTask, outcome: Outcome, retry_at: datetime | None) -> dict[str, Any]:
    error = NO_ERROR if isinstance(outcome, Succeeded | Continued) else outcome.error
    return {
        "task": row.pk,
        "number": row.attempt_count,
        "worker_id": row.worker_id,
        "started_at": row.last_attempted_at,
        "finished_at": outcome.ended_at,
        "outcome": _ATTEMPT_OUTCOMES[type(outcome)],
        "exception_class_path": error.exception_class_path,
        "traceback": error.traceback,
        "retry_at": retry_at,
    }


def _ascii(error: TaskError) -> TaskError:
    texts = (error.exception_class_path, error.traceback)
    path, traceback = (text.encode("ascii", "backslashreplace").decode() for text in texts)
    return TaskError(exception_class_path=path[:LONGEST_EXCEPTION_PATH], traceback=traceback)


def _trailing_interruptions(attempts: list[Attempt], *, since: int) -> int:
    """Those in a row at the end, from the attempt ``since`` on, which has come further than those before it."""
    count = 0
    for attempt in reversed(attempts):
        if attempt.outcome != Attempt.Outcome.INTERRUPTED or attempt.number < since:
            break
        count += 1
    return count
