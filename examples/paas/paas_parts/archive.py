"""An archive is made searchable while the host ends runs: one with SIGTERM, and one without a word."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from demo_parts.archive import ARTICLES, tell_times_indexed
from demo_parts.stage import clock, notice, seconds_left, tell_result
from django_tasks_oneshot.models import Attempt, StoredTask
from newsletter.models import Article
from newsletter.tasks import index_archive

from .scalingo import GRACE_SECONDS, Scalingo
from .terminal import manage

DONE_AT_SIGTERM = ARTICLES // 3
DONE_AT_SIGKILL = 2 * ARTICLES // 3
SECONDS_BETWEEN_RUNS = 1

INTRODUCTION = f"""
{ARTICLES:,} old articles are to be made searchable. Ten minutes would be enough for that, so here they are over when
{DONE_AT_SIGTERM} are done. The host sends SIGTERM then, and would send SIGKILL {GRACE_SECONDS} seconds later.
"""
INTRODUCTION_OF_SIGKILL = f"""
The next run is killed when {DONE_AT_SIGKILL:,} are done, as by a host that fails: there was no SIGTERM before.
"""


@dataclass
class Seen:
    """What became of the runs."""

    codes: list[int] = field(default_factory=list)  # of the run that SIGTERM ended, and of the one that was killed
    done: list[int] = field(default_factory=list)  # how many articles after each of these two
    twice_before_the_kill: int = 0
    unrecorded: set[int] = field(default_factory=set)  # articles that the killed run did after its latest checkpoint
    done_twice: set[int] = field(default_factory=set)  # in the end
    attempts: list[Attempt] = field(default_factory=list)
    times_indexed: Counter[int] = field(default_factory=Counter)  # how many articles were done how often, in the end

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        at_sigterm, at_sigkill = self.done
        outcomes = [attempt.outcome for attempt in self.attempts]
        promises = {
            "SIGTERM in the middle, after which the run exits with 0": at_sigterm < ARTICLES and self.codes[0] == 0,
            "SIGKILL in the middle of the next run": at_sigkill < ARTICLES and self.codes[1] == -signal.SIGKILL,
            "that run went on after the last article of the first": at_sigterm < at_sigkill
            and not self.twice_before_the_kill,
            "a run claims the archive when the lease of the killed one has ended": outcomes
            == [Attempt.Outcome.CONTINUED, Attempt.Outcome.INTERRUPTED, Attempt.Outcome.SUCCEEDED],
            "it does again what came after the latest checkpoint, and nothing else": self.done_twice == self.unrecorded,
            "each article is done once, or these few twice": self.times_indexed
            == +Counter({1: ARTICLES - len(self.unrecorded), 2: len(self.unrecorded)}),
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(scalingo: Scalingo) -> Seen:
    print(INTRODUCTION)
    manage("import_archive", str(ARTICLES))
    task = StoredTask.objects.get(task_path=index_archive.module_path)

    seen = Seen()
    be_ended(scalingo, task, seen)
    print(INTRODUCTION_OF_SIGKILL)
    be_killed(scalingo, task, seen)
    go_on(scalingo, task)

    seen.attempts += task.attempts.order_by("number")
    seen.done_twice |= articles(times_indexed=2)
    tell_result("index_archive", index_archive.get_result(str(task.pk)), seen.attempts, lambda each: "")
    tell_times_indexed(seen)
    return seen


def be_ended(scalingo: Scalingo, task: StoredTask, seen: Seen) -> None:
    ended = scalingo.run(until=so_many_are_done(DONE_AT_SIGTERM), then=signal.SIGTERM)
    task.refresh_from_db()
    look(ended.code, seen)
    if task.checkpoint:
        notice(f"It has exited with {ended.code}. The next run goes on after article {task.checkpoint['cursor']:,}.")


def be_killed(scalingo: Scalingo, task: StoredTask, seen: Seen) -> None:
    ended = scalingo.run(until=so_many_are_done(DONE_AT_SIGKILL), then=signal.SIGKILL)
    task.refresh_from_db()
    look(ended.code, seen)
    seen.twice_before_the_kill = len(articles(times_indexed__gt=1))
    if task.checkpoint:
        cursor = task.checkpoint["cursor"]
        seen.unrecorded |= articles(times_indexed__gt=0, pk__gt=cursor)
        notice(f"{seen.done[-1]:,} are done, each exactly once so far: it went on where the run before it had stopped.")
        notice(
            f"Its latest checkpoint is after article {cursor:,}. What it did after that, {len(seen.unrecorded)} "
            "articles, will be done again."
        )


def go_on(scalingo: Scalingo, task: StoredTask) -> None:
    while not task.finished_at and seconds_left() > 0:
        began = time.monotonic()
        scalingo.run()
        task.refresh_from_db()
        if task.finished_at:
            notice("The lease had ended, so this run has claimed the archive, and done the rest of it.")
        elif task.due_at:
            notice(f"The archive was left alone: the killed run has it on a lease until {clock(task.due_at)}.")
            time.sleep(max(0, began + SECONDS_BETWEEN_RUNS - time.monotonic()))


def look(code: int, seen: Seen) -> None:
    seen.codes.append(code)
    seen.done.append(len(articles(times_indexed__gt=0)))


def articles(**which: int) -> set[int]:
    return set(Article.objects.filter(**which).values_list("pk", flat=True))


def so_many_are_done(count: int) -> Callable[[], bool]:
    return lambda: Article.objects.filter(times_indexed__gt=0).count() >= count
