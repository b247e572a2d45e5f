"""What is wrong with a session of tasks that are messages. Pure: from its events and from what is left of messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..caps import LAST_CHANCES
from ..history import Execution
from ..ledger import Event
from ..points import RANDOM
from ..verdict import bad_exits
from .bodies import FORGED
from .figures import Figures
from .history import History, history_of, ids_in


@dataclass(frozen=True, kw_only=True)
class Left:
    """When all is over."""

    messages: int  # other than dead letters
    dead: Counter[str]  # bodies
    planted: Counter[str]  # bodies that no task can be made of
    believed: bool = False  # one of these did what it is there for


@dataclass(kw_only=True)
class Verdict:
    by_rule: dict[str, list[str]]
    figures: Figures

    @property
    def violations(self) -> list[str]:
        return [each for of_rule in self.by_rule.values() for each in of_rule]


def judge(events: Sequence[Event], left: Left, *, lease: float, faults: str = "failures") -> Verdict:
    """With the faults "all" a message may be there twice, or be received by nobody: then a repeat needs no reason."""
    history = history_of(events)
    figures = figures_of(history, left, faults)
    by_rule = {
        "lost tasks": list(lost_tasks(history, figures)),
        "wrong endings": list(wrong_endings(history)),
        "late answers": list(late_answers(history, lease)),
        "bodies": list(wrong_bodies(events, left)),
        "exits": list(bad_exits(history.session)),
    }
    if faults != "all":
        by_rule |= {
            "unexplained repeats": list(unexplained_repeats(history, figures)),
            "wrong attempts": list(wrong_attempts(history)),
            "lives of what kills": list(too_many_lives(history)),
            "doubled fires": list(doubled_fires(history)),
        }
    return Verdict(by_rule=by_rule, figures=figures)


def figures_of(history: History, left: Left, faults: str) -> Figures:
    session = history.session
    outcomes = Counter(each.outcome for executions in session.executions.values() for each in executions)
    repeats = sum(max(0, len(executions) - 1) for executions in session.executions.values())
    return Figures(
        faults=faults,
        tasks=len(history.tasks),
        executions=sum(map(len, session.executions.values())),
        kills_at_random=sum(each.point == RANDOM for each in session.stops),
        kills_at_points=sum(each.what == "kill" and each.point != RANDOM for each in session.stops),
        freezes=sum(each.what == "freeze" for each in session.stops),
        terms=len(session.terms),
        retries=outcomes["raised"],
        repeats=max(0, repeats - outcomes["raised"]),
        bodies=left.planted.total(),
        dead=(left.planted & left.dead).total(),
        seconds=session.ended - session.began,
    )


def lost_tasks(history: History, figures: Figures) -> Iterator[str]:
    """Every task is executed to its end, and its message is gone then."""
    for task in sorted(history.tasks - history.doomed):
        if not any(each.outcome == "returned" for each in history.session.executions[task]):
            figures.lost += 1
            yield f"Task {task} is lost: it was never executed to its end."
    for task in sorted(history.session.executions.keys() - history.tasks):
        # A run that is killed when it has sent the task of a schedule does not say so any more.
        if history.session.executions[task] and not any(task == other for _, other in history.sent):
            yield f"Task {task} was executed, and was never enqueued."


def wrong_endings(history: History) -> Iterator[str]:
    """It is announced that a task has finished, unless the run that would do so is stopped."""
    for task in sorted(history.tasks):
        finished = history.session.finished[task]
        expected = "FAILED" if task in history.doomed else "SUCCESSFUL"
        for each in finished:
            if each.outcome != expected:
                yield f"Task {task} ended as {each.outcome} in run {each.run}."
        last = history.receipts[task][-1:]
        if not finished and not any(history.session.stops_of(each.run) for each in last):
            yield f"Task {task} never finished."


def unexplained_repeats(history: History, figures: Figures) -> Iterator[str]:
    """Before each further execution of a task something has happened that makes one more necessary."""
    for task, executions in history.session.executions.items():
        reasons = sorted(reasons_to_repeat(history, task))
        for number, execution in enumerate(executions):
            if sum(at <= execution.began for at in reasons) < number:
                figures.unexplained += 1
                runs = ", then in run ".join(each.run for each in executions[: number + 1])
                yield f"Task {task} was executed again for no reason: in run {runs}."
                break


def reasons_to_repeat(history: History, task: str) -> Iterator[float]:
    """When there was one. A run that is stopped leaves a task to others if it has begun it and not deleted its message;
    or if it has sent another of it."""
    for execution in history.session.executions[task]:
        if execution.ended is not None and _is_to_be_repeated(history, execution):
            yield execution.ended
    for stop, receipt in history.stopped_with(task):
        if history.has_begun(task, receipt, stop.at) or history.has_sent(task, receipt, stop.at):
            yield stop.at


def _is_to_be_repeated(history: History, execution: Execution) -> bool:
    assert execution.ended is not None
    was_told = history.session.terms.get(execution.run, execution.ended) < execution.ended
    return execution.outcome == "raised" or (execution.outcome == "interrupted" and was_told)


def wrong_attempts(history: History) -> Iterator[str]:
    """Attempts are counted, those that were killed too; and where nothing happens, they are those that raise and one
    more."""
    for task, executions in history.session.executions.items():
        attempts = [each.attempt for each in executions]
        if task in history.succeeds_in and history.is_undisturbed(task):
            expected = list(range(1, history.succeeds_in[task] + 1))
            if attempts != expected:
                yield f"Task {task} had the attempts {attempts}, not {expected}."
        elif not history.is_split(task) and any(before >= after for before, after in pairwise(attempts)):
            yield f"Task {task} had the attempts {attempts}, which do not ascend."


def too_many_lives(history: History) -> Iterator[str]:
    """What kills its process is given up."""
    for task in sorted(history.doomed):
        number = len(history.session.executions[task])
        if not history.is_split(task) and not 1 <= number <= LAST_CHANCES + 1:
            yield f"Task {task}, which kills its process, was executed {number} times."


def doubled_fires(history: History) -> Iterator[str]:
    """A schedule fires twice for one time only if the run that did so first was stopped."""
    fires = sorted(history.session.fires, key=lambda event: (event.schedule, event.fire_time, event.at))
    for first, second in pairwise(fires):
        is_same = (first.schedule, first.fire_time) == (second.schedule, second.fire_time)
        if is_same and not any(first.at <= stop.at <= second.at for stop in history.session.stops_of(first.run)):
            yield f"Schedule {first.schedule} fired twice for {first.fire_time}, in runs {first.run}, {second.run}."


def late_answers(history: History, lease: float) -> Iterator[str]:
    """A run that stood still in a task for longer than its lease announces no end of it."""
    for stop in history.session.stops:
        thawed_at = history.thawed.get(stop.run, stop.at)
        if stop.what == "freeze" and thawed_at - stop.at > lease:
            late = [each for each in history.session.finished[stop.task] if each.run == stop.run and each.at > stop.at]
            if late:
                yield f"Task {stop.task} finished in run {stop.run}, which had lost it."


def wrong_bodies(events: Sequence[Event], left: Left) -> Iterator[str]:
    """What no task can be made of is no task, and it is kept as it is."""
    if left.messages:
        yield f"{left.messages} messages are left in the queues."
    if left.believed:
        yield "What a forged message says was done."
    for task in sorted({each for each in ids_in(events) if each.startswith(FORGED)}):
        yield f"The forged message {task} was taken for a task."
    for body, number in sorted((left.planted - left.dead).items()):
        yield f"{number} of the malformed messages did not become a dead letter, or not as it was: {body[:100]!r}."
    for body, number in sorted((left.dead - left.planted).items()):
        yield f"{number} dead letter is none of the malformed messages: {body[:300]!r}."
