"""One marked line in a crontab, among lines of others that stay as they are. See crontab(5)."""

from __future__ import annotations

import re
from pathlib import Path

LONGEST = 998  # characters of a command, in Debian's cron

_MARK = "# django-tasks-oneshot: "
_BACKSLASH = re.compile(r"\\(?=[\\%])")
_MAILTO = re.compile(r"\s*[\"']?MAILTO[\"']?\s*=\s*(.*?)\s*")
_WITH_MAILTO = " (and MAILTO)"


class UnusableLine(ValueError):
    """cron could not read it."""


def mark_of(directory: Path) -> str:
    """What the line of a project ends with."""
    return f"{_MARK}{directory}"


def line_of(schedule: str, command: str, directory: Path) -> str:
    r"""Raises `UnusableLine`. A ``%`` would be the end of a command for cron, and is written ``\%``.

    What follows a backslash, Debian's cron may read together with it. In a command of `shlex` it is between single
    quotation marks, which can end and begin again.
    """
    command = _BACKSLASH.sub(r"\\''", command)
    marked = f"{command} {mark_of(directory)}"
    if "\n" in marked:
        raise UnusableLine("A crontab line cannot hold a line break; give the project another directory.")
    marked = marked.replace("%", r"\%")
    if len(marked) > LONGEST:
        raise UnusableLine(
            f"The command has {len(marked)} characters, and cron takes {LONGEST}: put its variables into a file, for "
            "--env-file."
        )
    return f"{schedule} {marked}"


def with_line(crontab: str, line: str, directory: Path, mailto: str | None, owner: str) -> str:
    """The crontab with this line in place of the project's former one, or else at its end.

    ``mailto`` holds for this line alone: what held before, or else ``owner``, to whom cron mails by default, holds
    again for the lines below.
    """
    before, after = _without(crontab, directory)
    ours = [line]
    if mailto is not None:
        found = [match[1] for match in map(_MAILTO.fullmatch, before) if match]
        ours = [f"MAILTO={mailto}", f"{line}{_WITH_MAILTO}", f"MAILTO={found[-1] if found else owner}"]
    return _text([*before, *ours, *after])


def without_line(crontab: str, directory: Path) -> str:
    before, after = _without(crontab, directory)
    return _text([*before, *after])


def _without(crontab: str, directory: Path) -> tuple[list[str], list[str]]:
    """What is above the project's line, and what below it. Of several, the first one's place counts."""
    lines = crontab.split("\n")
    if lines[-1] == "":
        lines.pop()
    mark = mark_of(directory).replace("%", r"\%")
    place = None
    while ours := [at for at, line in enumerate(lines) if line.removesuffix(_WITH_MAILTO).endswith(mark)]:
        at = ours[0]
        first, last = at, at + 1
        if lines[at].endswith(_WITH_MAILTO) and _is_mailto(lines, at - 1) and _is_mailto(lines, at + 1):
            first, last = at - 1, at + 2
        del lines[first:last]
        place = first if place is None else place
    place = len(lines) if place is None else place
    return lines[:place], lines[place:]


def _is_mailto(lines: list[str], at: int) -> bool:
    return 0 <= at < len(lines) and _MAILTO.fullmatch(lines[at]) is not None


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
