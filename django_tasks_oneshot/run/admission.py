"""Which tasks may start in what is left of a run, by how long they take."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from ..backends.base import Claim, Continued, Duration, Interrupted, Outcome, Store, Succeeded
from ..contract.task import Policy, registered_tasks
from .deadline import Deadline

logger = logging.getLogger("django_tasks_oneshot")

SHORTEST = 1.0  # seconds: what takes less fits anywhere, and is not kept
FORGET = 0.8  # how much of what a task once took above the latest time is kept
MORE = 1.25  # what a task that was interrupted needs, to what it had
CHANGE = 0.1  # durations that differ by less, as a share, are taken for the same

UNKNOWN = Duration(seconds=0)


class Admission:
    """Nothing is started that cannot finish: a task starts if its timeout, or else its usual duration, fits.

    Where that passes over a task which would have been next, the next run starts with one of its kind, before what is
    more urgent: estimates starve nobody. Where nothing bounds a running task, everything fits.
    """

    def __init__(self, store: Store, deadline: Deadline) -> None:
        self.store = store
        self.deadline = deadline
        self.has_begun = False  # a task
        self.has_passed_over = False
        self.changed: dict[str, Duration] = {}
        self.seen: list[tuple[str, Outcome, float]] = []  # what tasks took, not digested yet
        self.continued: set[str] = set()  # paths of tasks that had their share of this run

    def claim(self, limit: int) -> Sequence[Claim]:
        """Claims what may start now, and first of all what a run before had to pass over."""
        self._digest()
        if not self.is_bounded:
            return self.store.claim(limit)
        if not self.has_begun:
            return self._claim_passed_over() or self.store.claim(1)
        too_long = {path for path in {*self.timeouts, *self.known} if self.expected(path) > self.left}
        if too_long:
            for first in self.store.due(1):
                self._pass_over(first.path, too_long=first.path in too_long)
        return self.store.claim(limit, leaving=too_long)

    def _claim_passed_over(self) -> Sequence[Claim]:
        paths = {path for path, each in self.known.items() if each.passed_over}
        claims = self.store.claim(1, only=paths) if paths else ()
        for claim in claims:  # what was not found may be in a queue or backend that is not this run's
            self._mark(claim.path, passed_over=False)
        return claims

    def admits(self, claim: Claim) -> bool:
        """Whether one that is claimed, and not started, may start."""
        if not self.is_bounded:
            return True
        self._digest()
        return not self._pass_over(claim.path, too_long=self.expected(claim.path) > self.left)

    def _pass_over(self, path: str, *, too_long: bool) -> bool:
        self.has_passed_over |= too_long
        if too_long and path not in self.continued:
            self._mark(path, passed_over=True)
        return too_long

    def begin(self, claim: Claim) -> None:
        self.has_begun = True
        whole = self.deadline.whole_run
        if (seconds := self.expected(claim.path) if whole < math.inf else 0) > whole:
            logger.warning(
                "Task id=%s path=%s may take %.3g s, and a whole run has %.3g s. It was started all the same, and is "
                "interrupted if it does not end. Give runs more --max-seconds or --grace-seconds, the task a shorter "
                "timeout, or let it go on in the next run with context.resume().",
                claim.id,
                claim.path,
                seconds,
                whole,
            )

    def learn(self, claim: Claim, outcome: Outcome, seconds: float, step_seconds: float | None) -> None:
        """From an attempt that took ``seconds``. A task that continues needs ``step_seconds`` only, if it says so.

        Asks the database nothing: the outcome is not recorded yet.
        """
        if isinstance(outcome, Continued):
            self.continued.add(claim.path)
            self.seen.append((claim.path, outcome, seconds if step_seconds is None else step_seconds))
            return
        is_of_interest = seconds >= SHORTEST or self.is_bounded  # else a run of short tasks need not ask what is known
        if is_of_interest and not (claim.has_come_further or self._limit(claim.path)):
            self.seen.append((claim.path, outcome, seconds))

    def _digest(self) -> None:
        """Makes known what was learned."""
        for path, outcome, seconds in self.seen:
            self._note(path, outcome, seconds)
        self.seen.clear()

    def _note(self, path: str, outcome: Outcome, seconds: float) -> None:
        before = self.known.get(path, UNKNOWN)
        continues = isinstance(outcome, Continued)
        if before.continues and not continues:
            return
        after = replace(before, seconds=usual_seconds(before.seconds, outcome, seconds), continues=continues)
        self.known[path] = after
        is_longer = max(before.seconds, after.seconds) >= SHORTEST
        has_changed = abs(after.seconds - before.seconds) > CHANGE * before.seconds
        is_first = not before.seconds and path in self.timeouts
        if continues != before.continues or (has_changed and (is_longer or is_first)):
            self.changed[path] = after

    def keep(self) -> None:
        """Writes down what the next run has to know."""
        self._digest()
        if self.changed:
            self.store.keep_durations(self.changed)

    def expected(self, path: str) -> float:
        """Seconds that an attempt may take."""
        known = self.known.get(path, UNKNOWN)
        if known.continues:
            return known.seconds
        return self._limit(path) or known.seconds or self.timeouts.get(path, 0.0)

    def _limit(self, path: str) -> float | None:
        """Its timeout. One that is longer than any run would tell nothing but that the task never fits."""
        timeout = self.timeouts.get(path)
        return timeout if timeout and timeout <= self.deadline.whole_run else None

    @property
    def is_bounded(self) -> bool:
        return self.left < math.inf

    @property
    def left(self) -> float:
        """Seconds that a task which starts now may take."""
        return self.deadline.until_interruption

    @cached_property
    def known(self) -> dict[str, Duration]:
        return self.store.durations()

    @cached_property
    def timeouts(self) -> dict[str, float]:
        """Seconds by path, where a task itself says so: what is set for all of them tells nothing of one.

        Of those that are imported: to ask the others would be to run the project's code.
        """
        policies = {path: Policy.of(task) for path, task in registered_tasks.items()}
        return {path: each.timeout.total_seconds() for path, each in policies.items() if each.timeout}

    def _mark(self, path: str, *, passed_over: bool) -> None:
        self.known[path] = self.changed[path] = replace(self.known.get(path, UNKNOWN), passed_over=passed_over)


def usual_seconds(usual: float, outcome: Outcome, seconds: float) -> float:
    """What a task usually takes, after an attempt of ``seconds``: more counts at once, less by and by."""
    if isinstance(outcome, Succeeded | Continued):
        return max(seconds, seconds + FORGET * (usual - seconds))
    if isinstance(outcome, Interrupted):
        return max(usual, MORE * seconds)
    return usual  # failures may come early
