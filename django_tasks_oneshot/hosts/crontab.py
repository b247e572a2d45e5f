"""One marked line in a crontab, among lines of others that stay as they are. See crontab(5)."""

from __future__ import annotations

import re
from pathlib import Path

PERCENT = r"\%"  # without the backslash, a command ends there
LONGEST = 998  # characters of a command, in Debian's cron

_MARK = "# django-tasks-oneshot: "
_BACKSLASH = re.compile(r"\\(?=[\\%])")
_MAILTO = re.compile(r"\s*[\"']?MAILTO[\"']?\s*=\s*(.*?)\s*")
_WITH_MAILTO = " (and MAILTO)"


class UnusableLine(ValueError):
    """cron could not read it."""


def mark_of(project: str) -> str:
    """What the line of a project ends with."""
    return f"{_MARK}{project}".replace("%", PERCENT)


def line_of(schedule: str, command: str, project: str) -> str:
    r"""Raises `UnusableLine`. A ``%`` would be the end of a command for cron, and is written ``\%``.

    What follows a backslash, Debian's cron may read together with it. In a command of `shlex` it is between single
    quotation marks, which can end and begin again.
    """
    command = _BACKSLASH.sub(r"\\''", command)
    marked = f"{command.replace('%', PERCENT)} {mark_of(project)}"
    if len(marked) > LONGEST:
        raise UnusableLine(
            f"The command has {len(marked)} characters, and cron takes {LONGEST}: put its variables into a file, for "
            "--env-file."
        )
    return f"{schedule} {marked}"


def with_line(crontab: str, line: str, project: str, mailto: str | None, owner: str) -> str:
    """The crontab with this line in place of the project's former one, or else at its end.

    ``mailto`` holds for this line alone: what held before, or else ``owner``, to whom cron mails by default, holds
    again for the lines below.
    """
    before, after = _without(crontab, project, owner)
    ours = [line]
    if mailto is not None:
        ours = [f"MAILTO={mailto}", f"{line}{_WITH_MAILTO}", _mailto_again(before, owner)]
    return _text([*before, *ours, *after])


def without_line(crontab: str, project: str, owner: str) -> str:
    before, after = _without(crontab, project, owner)
    return _text([*before, *after])


def others(crontab: str, project: str, directory: Path) -> list[str]:
    """Lines that are not the project's own, and start runs in its directory as well."""
    mark = mark_of(project)
    return [
        line
        for line in crontab.split("\n")
        if "run_due_tasks" in line
        and f"{directory} " in line
        and not line.lstrip().startswith("#")
        and not _is_marked(line, mark)
    ]


def _without(crontab: str, project: str, owner: str) -> tuple[list[str], list[str]]:
    """What is above the project's line, and what below it. Of several, the first one's place counts."""
    lines = crontab.split("\n")
    if lines[-1] == "":
        lines.pop()
    mark = mark_of(project)
    place = None
    while ours := [at for at, line in enumerate(lines) if _is_marked(line, mark)]:
        at = ours[0]
        if lines[at].endswith(_WITH_MAILTO):
            at = _without_its_mailto(lines, at, owner)
        del lines[at]
        place = at if place is None else place
    place = len(lines) if place is None else place
    return lines[:place], lines[place:]


def _without_its_mailto(lines: list[str], at: int, owner: str) -> int:
    """Takes out the lines around ours, if they are what we have put there; returns where ours is then."""
    has_one_above = at > 0 and _MAILTO.fullmatch(lines[at - 1]) is not None
    above = lines[: at - 1] if has_one_above else lines[:at]
    if lines[at + 1 : at + 2] == [_mailto_again(above, owner)]:
        del lines[at + 1]
    if has_one_above:
        del lines[at - 1]
        at -= 1
    return at


def _mailto_again(above: list[str], owner: str) -> str:
    found = [match[1] for match in map(_MAILTO.fullmatch, above) if match]
    return f"MAILTO={found[-1] if found else owner}"


def _is_marked(line: str, mark: str) -> bool:
    return line.rstrip("\r").removesuffix(_WITH_MAILTO).endswith(mark)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
