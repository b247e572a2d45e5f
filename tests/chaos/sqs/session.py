"""One session of tasks that are messages, from the empty queues to the verdict."""

from __future__ import annotations

import os
from argparse import Namespace
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

from django.core.management import call_command

from .. import ledger, points, tasks
from ..directory import leave, make
from ..report import complain
from ..session import plan_of, supervision, unmet
from ..supervisor import Supervisor
from ..workload import Workload
from .bodies import Bodies
from .figures import Figures
from .queues import NAMES, BadDay, Queues
from .results import MessageResults
from .verdict import Left, Verdict, judge

POINTS = ("before-send", *points.SENDING, *points.NAMES)
TASKS_PER_DEADLY_ONE = 300


class Minefield(Workload):
    """Puts malformed messages and deadly tasks among the others."""

    def __init__(self, options: Namespace, queues: Queues, bodies: Bodies) -> None:
        super().__init__(Random(options.seed), options.lease)
        self.options = options
        self.sqs = queues
        self.bodies = iter(bodies)
        self.planted: Counter[str] = Counter()
        self.deadly = 0
        self.enqueued = 0

    def enqueue(self, count: int) -> list[str]:
        for body in islice(self.bodies, self.due_bodies() - self.planted.total()):
            self.sqs.send(self.random.choice(NAMES), body)
            self.planted[body] += 1
        self.enqueued += count
        while self.deadly * TASKS_PER_DEADLY_ONE < self.enqueued:
            self.deadly += 1
            deadly = self._enqueue(tasks.deadly, {})
            ledger.write("enqueued", tasks=[deadly], outcome="FAILED")
        return super().enqueue(count)

    def due_bodies(self) -> int:
        """Half of them at first, and all by half of the session: it lasts until they are dead letters."""
        return int(self.options.bodies * min(1.0, 0.5 + self.enqueued / self.options.tasks))


def hold(options: Namespace, day: BadDay) -> tuple[list[Figures], bool]:
    """The figures of each session, and whether all was right.

    After one in which something was wrong there is no other: what it left in the queues would disturb that.
    """
    figures = []
    for faults in options.faults:
        verdict = _hold(options, day, faults)
        figures.append(verdict.figures)
        if verdict.violations:
            return figures, False
    return figures, True


def _hold(options: Namespace, day: BadDay, faults: str) -> Verdict:
    directory = make()
    call_command("migrate", verbosity=0)
    day.begin(faults)
    verdict = _supervise(options, day.queues, directory, faults)
    verdict.figures.requests, verdict.figures.faulty = day.requests, day.faulty
    complain(f"sqs, faults {faults}, seed {options.seed}", verdict.by_rule)
    leave(directory, is_right=not verdict.violations)
    return verdict


def _supervise(options: Namespace, queues: Queues, directory: Path, faults: str) -> Verdict:
    random = Random(options.seed)
    witness = directory / "believed"
    minefield = Minefield(options, queues, Bodies(random, witness))
    plan = plan_of(options, random, POINTS)
    supervisor = Supervisor(
        supervision(options, os.environ["DJANGO_SETTINGS_MODULE"]),
        plan,
        minefield,
        directory,
        None,
        MessageResults(queues.count),
    )
    events = supervisor.supervise()
    left = Left(messages=queues.count(), dead=queues.take_dead(), planted=minefield.planted, believed=witness.exists())
    verdict = judge(events, left, lease=options.lease, faults=faults)
    verdict.by_rule.update(unmet(plan, options.limit))
    return verdict
