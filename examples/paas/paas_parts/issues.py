"""Issues of a newsletter are sent by runs that requests start, two at the same time."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from demo_parts.stage import notice
from django_tasks_oneshot.models import Attempt
from newsletter.models import Delivery, Subscriber
from newsletter.tasks import send_issue

from .vercel import CRON_SECRET, Answer, Vercel, open_vercel

ISSUES = 50

INTRODUCTION = f"""
The same project on Vercel, which starts no commands: it calls tasks/run/, as vercel.json says. The site is there now,
in gunicorn. Our subscriber asks for {ISSUES} issues that she has missed: a task for each, in one transaction.

Somebody calls the URL who does not know the secret:
"""
INTRODUCTION_OF_TWO_CALLS = """
Vercel knows it. Now and then it sends a call twice; here, two at the same time, to a site with two processes:
"""


@dataclass
class Seen:
    refused: Answer
    attempts_after_that: int
    answers: list[Answer] = field(default_factory=list)
    outcomes: Counter[tuple[str, ...]] = field(default_factory=Counter)  # of how many issues' tasks, attempt by attempt
    attempts_in_all: int = 0
    sent: list[str] = field(default_factory=list)  # subjects

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(answer.body) for answer in self.answers if answer.status == 200]

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        promises = {
            "a call without the secret gets 401, and runs nothing": self.refused.status == 401
            and self.attempts_after_that == 0,
            "two calls at once are both answered with a report": len(self.reports) == 2,
            "each task is run exactly once": self.outcomes == {(Attempt.Outcome.SUCCEEDED,): ISSUES},
            "the reports count each task once": sum(each["claimed"] for each in self.reports) == self.attempts_in_all,
            "each issue is sent once": len(self.sent) == len(set(self.sent)) == ISSUES,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(environment: Mapping[str, str], directory: Path) -> Seen:
    print(INTRODUCTION)
    with open_vercel(environment, directory) as vercel:
        return call(vercel, ask_for_issues())


def call(vercel: Vercel, task_ids: list[str]) -> Seen:
    before = Attempt.objects.count()
    (refused,) = vercel.call_at_once(1)
    seen = Seen(refused, Attempt.objects.count() - before)
    if not seen.attempts_after_that:
        notice("It is refused, and nothing has run.")

    print(INTRODUCTION_OF_TWO_CALLS)
    seen.answers += vercel.call_at_once(2, CRON_SECRET)
    seen.attempts_in_all = Attempt.objects.count() - before
    seen.outcomes.update(outcomes_of(task_ids))
    seen.sent += Delivery.objects.filter(subject__startswith="The news of", accepted=True).values_list(
        "subject", flat=True
    )
    shares = " and ".join(str(report["claimed"]) for report in seen.reports)
    notice(f"Both are answered. Their runs have shared the work: {shares} tasks.")
    notice(f"{len(seen.sent)} issues are sent. How often their tasks were run: {tell_attempts(seen)}.")
    return seen


@transaction.atomic
def ask_for_issues() -> list[str]:
    """Returns the ids of the tasks."""
    subscriber = Subscriber.objects.get()
    days = [timezone.localdate() - timedelta(days=ago) for ago in range(1, ISSUES + 1)]
    return [send_issue.enqueue(subscriber.pk, day.isoformat()).id for day in days]


def outcomes_of(task_ids: list[str]) -> list[tuple[str, ...]]:
    return [
        tuple(Attempt.objects.filter(task=task_id).order_by("number").values_list("outcome", flat=True))
        for task_id in task_ids
    ]


def tell_attempts(seen: Seen) -> str:
    times: Counter[int] = Counter()
    for outcomes, count in seen.outcomes.items():
        times[len(outcomes)] += count
    return ", ".join(f"{count} {'once' if each == 1 else f'{each} times'}" for each, count in sorted(times.items()))
