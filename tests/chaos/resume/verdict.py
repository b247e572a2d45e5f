"""What is wrong with how a task was continued. Pure: from its story to violations and figures."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .figures import Figures
from .history import Execution, Found, Story, executions_of, in_turn, is_recorded


def judge(story: Story) -> tuple[dict[str, list[str]], Figures]:
    """The violations by rule."""
    executions = executions_of(story)
    turns = list(in_turn(executions, story.rows))
    by_rule = {
        "rows not done": list(undone(story, executions)),
        "rows skipped": list(skipped(turns)),
        "rows repeated": list(repeated(story, turns)),
        "wrong checkpoints": list(wrong_checkpoints(story, turns)),
        "missing checkpoints": list(missing_checkpoints(story, executions)),
        "attempts": list(wrong_attempts(story, executions)),
        "exits": list(bad_exits(story, executions)),
    }
    return by_rule, figures_of(story, turns)


def undone(story: Story, executions: Sequence[Execution]) -> Iterator[str]:
    """Every row is done, and the task is recorded as successful."""
    if story.status != "SUCCESSFUL":
        yield f"The task ended as {story.status}."
    done = {row for execution in executions for row in execution.rows}
    if missing := sorted(set(range(1, story.rows + 1)) - done):
        yield f"{len(missing)} rows were not done, the first of them {missing[0]}."


def skipped(turns: Sequence[Found]) -> Iterator[str]:
    """Each execution begins where the one before stopped, or earlier, and goes from row to row."""
    for turn in turns:
        rows = turn.execution.rows
        if rows and rows[0] > turn.done + 1:
            yield f"{_name(turn.execution)} began with row {rows[0]}, and {turn.done} was the last that was done."
        if any(following != row + 1 for row, following in pairwise(rows)):
            yield f"{_name(turn.execution)} did rows in another order than theirs, or left some out."


def repeated(story: Story, turns: Sequence[Found]) -> Iterator[str]:
    """Only what was done after the last durable checkpoint of a run that was killed."""
    for turn in turns:
        if count := turn.repeated_without_reason:
            rows = f"{count} rows again, from {turn.execution.rows[0]} on"
            yield f"{_name(turn.execution)} did {rows}; up to {turn.durable} they were done for good."
    if not story.checkpoint_every:
        for kill, count in repeated_by_kill(turns).items():
            if count > 1:
                yield f"{count} rows were done again after kill {kill}, and there was to be a checkpoint after each."


def repeated_by_kill(turns: Sequence[Found]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for turn in turns:
        counts[turn.kill] += turn.repeated
    return counts


def wrong_checkpoints(story: Story, turns: Sequence[Found]) -> Iterator[str]:
    """A checkpoint is at the row that was done last, not before and not after it."""
    for turn in turns:
        done = None
        for line in turn.execution.lines:
            if line.what == "r":
                done = line.row
                continue
            is_right = (done or turn.done) == story.rows if line.row is None else line.row == done
            if not is_right:
                yield f"{_name(turn.execution)} had a checkpoint at row {line.row} when it had last done {done}."


def missing_checkpoints(story: Story, executions: Sequence[Execution]) -> Iterator[str]:
    """When ``checkpoint_every`` is over at the end of a row, a checkpoint comes before the next one.

    Both times are of rows, by the clock of their own process: the first was done after the last checkpoint, the second
    before its loop looked at the clock. So this holds however slow the machine is.
    """
    for execution in executions:
        if due := _row_without_checkpoint(story, execution):
            yield f"{_name(execution)} made no checkpoint after row {due}, when one was due."


def _row_without_checkpoint(story: Story, execution: Execution) -> int | None:
    since: float | None = None
    due: int | None = None
    for line in execution.lines:
        if line.what == "c":
            since = due = None
            continue
        if due is not None:
            return due
        since = line.at if since is None else since
        due = line.row if line.at - since >= story.checkpoint_every else None
    return None if execution.was_killed else due


def wrong_attempts(story: Story, executions: Sequence[Execution]) -> Iterator[str]:
    """What is stored of each attempt is what became of it: interrupted is who was killed, and failed is none."""
    for number, count in Counter(each.attempt for each in executions).items():
        if count > 1:
            yield f"Attempt {number} was executed {count} times."
    for execution in executions:
        stored = story.attempts.get(execution.attempt)
        if not (stored == "INTERRUPTED" if execution.was_killed else is_recorded(execution, story)):
            ended = "was killed" if execution.was_killed else f"ended ({execution.outcome or 'without a word'})"
            yield f"{_name(execution)} {ended}, and is stored as {stored}."
    yield from _unexecuted(story, executions)


def _unexecuted(story: Story, executions: Sequence[Execution]) -> Iterator[str]:
    """A run that is killed between the claim and the task leaves an attempt that nobody has seen."""
    killed_in_task = {each.run for each in executions if each.was_killed}
    others = sum(each.what == "kill" and each.run not in killed_in_task for each in story.events)
    seen = {each.attempt for each in executions}
    unseen = {number: outcome for number, outcome in story.attempts.items() if number not in seen}
    if set(unseen.values()) - {"INTERRUPTED"} or len(unseen) > others:
        yield f"{len(unseen)} attempts were not executed, and {others} runs killed outside of the task: {unseen}."


def bad_exits(story: Story, executions: Sequence[Execution]) -> Iterator[str]:
    """A run that was not killed exits with 0."""
    killed = {each.run for each in story.events if each.what == "kill"}
    told = {each.run for each in story.events if each.what == "term"}
    under_way = {each.run for each in executions if not each.outcome}
    for event in story.events:
        if event.what != "exit" or event.code == 0 or event.run in killed:
            continue
        # A signal that arrives when the run is over and Python is not finds Python's own handler.
        if event.code == -signal.SIGTERM and event.run in told and event.run not in under_way:
            continue
        yield f"Run {event.run} exited with {event.code}: {event.stderr.strip()}"


def figures_of(story: Story, turns: Sequence[Found]) -> Figures:
    by_kill = repeated_by_kill(turns)
    return Figures(
        task=story.name,
        rows=story.rows,
        runs=sum(each.what == "spawn" for each in story.events),
        kills=sum(turn.execution.was_killed for turn in turns),
        terms=sum(each.what == "term" for each in story.events),
        attempts=len(story.attempts),
        checkpoints=sum(len(turn.execution.checkpoints) for turn in turns),
        repeated_by_kill=by_kill.total(),
        most_by_one_kill=max(by_kill.values(), default=0),
        repeated_without_kill=sum(turn.repeated_without_reason for turn in turns),
        seconds=max((each.at for each in story.events), default=0) - min((each.at for each in story.events), default=0),
    )


def _name(execution: Execution) -> str:
    return f"Attempt {execution.attempt} in run {execution.run}"
