"""An archive is made searchable by a task that takes longer than a call of its function may."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from demo_parts.archive import tell_times_indexed
from demo_parts.stage import tell_result
from django_tasks_oneshot.models import Attempt, StoredTask
from newsletter.models import Article
from newsletter.tasks import index_archive

from .stack import QUEUE_FUNCTION_SECONDS, Stack
from .terminal import manage, watch

ARTICLES = 2500  # at two milliseconds each: three calls, or more on a slow disk

INTRODUCTION = f"""
{ARTICLES:,} old articles are to be made searchable. That takes at least 5 seconds. The queue function is killed
after {QUEUE_FUNCTION_SECONDS}, and the last 5 of them are kept back: a call has 2 for its tasks.
"""


@dataclass
class Seen:
    """What the calls so far have done."""

    attempts: list[Attempt] = field(default_factory=list)
    times_indexed: Counter[int] = field(default_factory=Counter)  # how many articles were done how often, in the end
    dead_letters: int = 0

    @property
    def is_over(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].outcome in (Attempt.Outcome.SUCCEEDED, Attempt.Outcome.FAILED)

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        outcomes = [attempt.outcome for attempt in self.attempts]
        promises = {
            "a call that is over before the archive is done": Attempt.Outcome.CONTINUED in outcomes,
            "a later call ends it": outcomes[-1:] == [Attempt.Outcome.SUCCEEDED],
            "each attempt is a call of its own": len({each.worker_id for each in self.attempts}) == len(outcomes),
            "each article is done exactly once": self.times_indexed == {1: ARTICLES},
            "nothing is left in the dead-letter queues": self.dead_letters == 0,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(stack: Stack) -> Seen:
    print(INTRODUCTION)
    manage("import_archive", str(ARTICLES))
    task = StoredTask.objects.get(task_path=index_archive.module_path)

    seen = Seen()
    watch(stack, partial(new_attempts, task, seen), until=lambda: seen.is_over)

    tell_result("index_archive", index_archive.get_result(str(task.pk)), seen.attempts, call_of)
    tell_times_indexed(seen)
    seen.dead_letters = stack.count_dead_letters()
    return seen


def new_attempts(task: StoredTask, seen: Seen) -> Iterator[str]:
    for attempt in task.attempts.filter(number__gt=len(seen.attempts)).order_by("number"):
        seen.attempts.append(attempt)
        done = Article.objects.filter(times_indexed__gt=0).count()
        yield f"{done:,} of {ARTICLES:,} articles are done. {what_now(attempt)}"


def what_now(attempt: Attempt) -> str:
    if attempt.outcome != Attempt.Outcome.CONTINUED:
        return f"Attempt {attempt.number}: {attempt.get_outcome_display().lower()}."
    return "The call's time is over: it has sent another message, and the next call goes on."


def call_of(attempt: Attempt) -> str:
    return f"in call {attempt.worker_id}"
