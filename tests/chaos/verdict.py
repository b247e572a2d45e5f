"""What is wrong with a session. Pure: from its events and the final results to violations and figures."""

from __future__ import annotations

import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from .figures import Figures
from .history import Execution, Session, Stop, session_of
from .ledger import Event
from .points import RANDOM
from .results import FINAL, Final

Results = Mapping[str, Final | None]

BUSY_MACHINE = 10.0  # seconds that it may take to start the next run, or to let it go on


@dataclass(kw_only=True)
class Verdict:
    by_rule: dict[str, list[str]]
    figures: Figures

    @property
    def violations(self) -> list[str]:
        return [each for of_rule in self.by_rule.values() for each in of_rule]


def judge(events: Iterable[Event], results: Results, *, lease: float) -> Verdict:
    """``lease``: the seconds after which the executor takes a task over from a process that is silent."""
    session = session_of(events)
    figures = Figures(
        kills_at_random=sum(each.point == RANDOM for each in session.stops),
        kills_at_points=Counter(each.point for each in session.stops if each.what == "kill" and each.point != RANDOM),
        freezes=sum(each.what == "freeze" for each in session.stops),
        terms=len(session.terms),
        executions=sum(map(len, session.executions.values())),
        rescue_bound=lease + session.longest_run(),
        seconds=session.ended - session.began,
    )
    by_rule = {
        "lost tasks": list(lost_tasks(session, results, figures)),
        "unexplained repeats": list(unexplained_repeats(session, figures)),
        "double endings": list(double_endings(session)),
        "wrong values": list(wrong_values(session, results)),
        "fires": list(doubled_fires(session, results, figures)),
        "late rescues": list(late_rescues(session, figures)),
        "exits": list(bad_exits(session)),
    }
    return Verdict(by_rule=by_rule, figures=figures)


def lost_tasks(session: Session, results: Results, figures: Figures) -> Iterator[str]:
    """Every task is executed to its end and recorded as successful."""
    fired = [each.task for each in session.fires if results.get(each.task) is not None]
    expected = {*session.enqueued, *fired}
    figures.tasks = len(expected)
    for task in sorted(expected):
        result = results.get(task)
        if result is None or result.status not in FINAL:
            figures.lost += 1
            yield f"Task {task} is lost: {'its row is gone' if result is None else f'it is still {result.status}'}."
        elif result.status != "SUCCESSFUL":
            yield f"Task {task} ended as {result.status}."
        elif not any(each.outcome == "returned" for each in session.executions[task]):
            figures.lost += 1
            yield f"Task {task} is recorded as successful, and was never executed to its end."
    for task in sorted(session.executions.keys() - expected):
        if session.executions[task]:
            yield f"Task {task} was executed, and was never enqueued or has disappeared."


def unexplained_repeats(session: Session, figures: Figures) -> Iterator[str]:
    """A task is executed again only if its process was stopped dead or told to end, or the task raised."""
    for task, executions in session.executions.items():
        for execution, following in pairwise(executions):
            reason = explanation(session, execution, following)
            figures.repeats[reason] += 1
            if not reason:
                is_over = execution.ended is not None and execution.ended <= following.began
                how = "again for no reason" if is_over else "twice at the same time"
                yield f"Task {task} was executed {how}: in run {execution.run}, then in run {following.run}."


def explanation(session: Session, execution: Execution, following: Execution) -> str:
    """What made ``following`` necessary, before it began."""
    for stop in session.stops_of(execution.run):
        if stop.task == execution.task and execution.began <= stop.at <= following.began:
            return stop.what
    if execution.ended is None or execution.ended > following.began:
        return ""
    if execution.outcome == "raised":
        return "retry"
    was_told = session.terms.get(execution.run, execution.ended) < execution.ended
    return "term" if execution.outcome == "interrupted" and was_told else ""


def double_endings(session: Session) -> Iterator[str]:
    """The end of a task is announced once, and it is the end."""
    for task, finished in session.finished.items():
        if len(finished) > 1:
            yield f"Task {task} finished {len(finished)} times, in runs {', '.join(each.run for each in finished)}."
        late = [each.run for each in session.executions[task] if finished and each.began > finished[0].at]
        if late:
            yield f"Task {task} was executed after it had finished, in runs {', '.join(late)}."


def wrong_values(session: Session, results: Results) -> Iterator[str]:
    """What is stored is what the last execution returned: an answer that came too late changed nothing."""
    for task, executions in session.executions.items():
        result = results.get(task)
        if executions and result is not None and result.status == "SUCCESSFUL" and result.value != executions[-1].id:
            yield f"Task {task} has the return value of another execution than its last one."


def doubled_fires(session: Session, results: Results, figures: Figures) -> Iterator[str]:
    """A fire of a schedule is one task, and a schedule that has moved on has fired."""
    tasks: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in session.fires:
        if results.get(event.task) is not None:
            tasks[event.schedule, event.fire_time].add(event.task)
    figures.fires = len(tasks)
    for (schedule, fire_time), of_fire in tasks.items():
        if len(of_fire) > 1:
            figures.doubled += 1
            yield f"Schedule {schedule} fired {len(of_fire)} times for {fire_time}."
    for event in session.unfired:
        yield f"Schedule {event.schedule} moved past {event.fire_time}, and no task was enqueued."


def late_rescues(session: Session, figures: Figures) -> Iterator[str]:
    """What was under way in a run that was stopped dead is taken up within a lease and one run."""
    for stop in session.stops:
        seconds = rescue_seconds(session, stop) if stop.needs_rescue else None
        if seconds is None:
            continue
        figures.rescues += 1
        figures.slowest_rescue = max(figures.slowest_rescue, seconds)
        if seconds > figures.rescue_bound + BUSY_MACHINE:
            yield (
                f"Task {stop.task} was rescued {seconds:.1f} s after its run {stop.run} was stopped"
                f" ({stop.what}, {stop.point}); a lease and one run are {figures.rescue_bound:.1f} s."
            )


def rescue_seconds(session: Session, stop: Stop) -> float | None:
    """From a stop to the next start of its task. Where the run that claimed it was stopped in turn: to that claim."""
    began = next((each for each in session.executions[stop.task] if _is_after(stop, each.began, each.run)), None)
    taken = next((each for each in session.claimed[stop.task] if _is_after(stop, each.at, each.run)), None)
    if taken is not None and (began is None or taken.run != began.run) and session.stops_of(taken.run):
        return taken.at - stop.at
    return None if began is None else began.began - stop.at


def _is_after(stop: Stop, at: float, run: str) -> bool:
    return at > stop.at and run != stop.run


def bad_exits(session: Session) -> Iterator[str]:
    """A run that was not killed exits with 0."""
    killed = {each.run for each in session.stops if each.what == "kill"}
    under_way = {each.run for task in session.executions.values() for each in task if each.ended is None}
    for event in session.exits:
        # A signal that arrives when the run is over and Python is not finds Python's own handler.
        is_late_term = event.code == -signal.SIGTERM and event.run in session.terms and event.run not in under_way
        if event.code != 0 and event.run not in killed and not is_late_term:
            yield f"Run {event.run} exited with {event.code}: {event.stderr.strip()}"
