"""A run that nobody has told how long it may take."""

import re
from dataclasses import dataclass

from demo_parts.stage import notice

from .scalingo import Scalingo

COMMAND = "python manage.py run_due_tasks -v 2"

INTRODUCTION = """
Scalingo ends a run when the next one is due, ten minutes later. The command in cron.json has options for that. Without
them it finds out by itself, from the variables of the container:
"""


@dataclass(frozen=True)
class Seen:
    said: str  # by the run: the options that it has given itself
    written: str  # in cron.json

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        promises = {
            "a run that says on which host it is": bool(self.said),
            "it takes as long as the command in cron.json says": self.said == self.written,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(scalingo: Scalingo) -> Seen:
    print(INTRODUCTION)
    output = scalingo.run(COMMAND).output
    seen = Seen(
        said=found(r"^Scalingo Scheduler: (--.*)$", output),
        written=found(r"(--max-seconds .*)$", scalingo.command),
    )
    if not seen.missing():
        notice("The rest of the ten minutes is for its start, and for its end.")
    return seen


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else ""
