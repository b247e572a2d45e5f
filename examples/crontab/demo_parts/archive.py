"""An archive is made searchable by a task that takes longer than a run may: it continues in the next one."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from django_tasks_oneshot.models import Attempt, StoredTask
from newsletter.models import Article
from newsletter.tasks import index_archive

from .stage import manage, notice, seconds_left, tell_result

ARTICLES = 2500  # at two milliseconds each: three runs, or more on a slow disk
MAX_SECONDS = "2"

INTRODUCTION = f"""
{ARTICLES:,} old articles are to be made searchable. That takes at least 5 seconds, and each run has {MAX_SECONDS}.
"""


@dataclass
class Seen:
    """What the runs so far have done."""

    attempts: list[Attempt] = field(default_factory=list)
    done: list[int] = field(default_factory=list)  # how many articles after each of them
    times_indexed: Counter[int] = field(default_factory=Counter)  # how many articles were done how often, in the end

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        outcomes = [attempt.outcome for attempt in self.attempts]
        promises = {
            "a run whose time is over before the archive is done": Attempt.Outcome.CONTINUED in outcomes,
            "each run comes further than the one before": all(more > less for less, more in pairwise(self.done)),
            "a later run ends it": outcomes[-1:] == [Attempt.Outcome.SUCCEEDED],
            "each article is done exactly once": self.times_indexed == {1: ARTICLES},
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play() -> Seen:
    print(INTRODUCTION)
    manage("import_archive", str(ARTICLES))
    task = StoredTask.objects.get(task_path=index_archive.module_path)

    seen = Seen()
    while not task.finished_at and seconds_left() > 0:
        manage("run_due_tasks", "--max-seconds", MAX_SECONDS)
        task.refresh_from_db()
        tell_about_progress(task, seen)

    tell_result("index_archive", index_archive.get_result(str(task.pk)), seen.attempts, lambda each: so_far(each, seen))
    tell_times_indexed(seen)
    return seen


def tell_about_progress(task: StoredTask, seen: Seen) -> None:
    for attempt in task.attempts.filter(number__gt=len(seen.attempts)).order_by("number"):
        seen.attempts.append(attempt)
        seen.done.append(Article.objects.filter(times_indexed__gt=0).count())
        notice(f"{so_far(attempt, seen)} are done. {what_now(attempt, task)}")


def what_now(attempt: Attempt, task: StoredTask) -> str:
    if attempt.outcome != Attempt.Outcome.CONTINUED:
        return f"Attempt {attempt.number}: {attempt.get_outcome_display().lower()}."
    return f"The run's time is over, the task continues in the next run after article {task.checkpoint['cursor']:,}."


def so_far(attempt: Attempt, seen: Seen) -> str:
    return f"{seen.done[attempt.number - 1]:,} of {ARTICLES:,} articles"


def tell_times_indexed(seen: Seen) -> None:
    seen.times_indexed.update(Article.objects.values_list("times_indexed", flat=True))
    print("How often each article was done:")
    for times, count in sorted(seen.times_indexed.items()):
        print(f"    {count:,} articles  {times} time{'' if times == 1 else 's'}")
