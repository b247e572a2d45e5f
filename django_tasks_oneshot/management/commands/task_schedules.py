from __future__ import annotations

import json
from argparse import SUPPRESS, ArgumentTypeError
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import Error as DatabaseFailure

from ...compat import InvalidTask
from ...contract.cron import Cron
from ...contract.declared import Scheduled, declared_schedules
from ...contract.words import in_words
from ...db.clock import database_now
from ...db.missing import HINT
from ...models import Schedule
from ...run.fire import fire_now
from ...run.listing import Listed, State, in_zone, listing, next_fire_times
from ...run.schedules import add, database_of_schedules, has_schedules, pause, resume, rows_of, scheduled_by

BAD_ARGUMENTS = 2
HEADS = ("NAME", "RULE", "ZONE", "LAST FIRE", "NEXT FIRE", "STATE")
WIDEST = 48  # characters of a column; what is longer shifts the rest of its own row, and no other
STYLES: dict[State, str] = {
    "active": "SUCCESS",
    "new": "SUCCESS",
    "paused": "WARNING",
    "removed": "WARNING",
    "broken": "ERROR",
}


class Command(BaseCommand):
    help = "Lists the schedules of the project, pauses, resumes and runs them, and explains crontab lines."
    # As for runs: all checks import the URLconf and with it the whole project.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--next", type=_count, metavar="N", help="Show the next N fire times of each (default: 1).")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="How to show (default: text).")
        actions = parser.add_subparsers(
            title="actions", description="Without one, the schedules are listed.", dest="action", metavar="ACTION"
        )
        for name, what in {
            "pause": "Keep a schedule from firing until it is resumed, whatever is deployed meanwhile.",
            "resume": "Let a schedule fire again, from now on.",
            "run": "Enqueue the task of a schedule now, out of turn, also if it is paused.",
        }.items():
            action = actions.add_parser(name, help=what, description=what, parents=[_usual_options()])
            action.add_argument("name", metavar="NAME", help="Of the schedule, as in the list.")
        what = "Say what a crontab line means, and when it fires next. No database is needed."
        explain = actions.add_parser("explain", help=what, description=what, parents=[_usual_options()])
        explain.add_argument("expression", metavar="EXPR", help="A crontab line in quotes: '0 7 * * mon-fri'.")
        explain.add_argument("--timezone", metavar="ZONE", help="An IANA name (default: TIME_ZONE of the project).")
        # No defaults: they would win over what was written before the action.
        explain.add_argument(
            "--next", type=_count, default=SUPPRESS, metavar="N", help="Show the next N fire times (default: 5)."
        )
        explain.add_argument(
            "--format", choices=("text", "json"), default=SUPPRESS, help="How to show (default: text)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if action == "explain":
            self._explain(options)
            return
        if not has_schedules():
            raise CommandError(f"DATABASES has no database to keep schedules in, so none fires. {HINT}")
        self.alias = database_of_schedules()
        self.declared = declared_schedules()
        try:
            if action is None:
                self._list(options)
            else:
                done = {"pause": self._pause, "resume": self._resume, "run": self._run}[action](options["name"])
                if options["verbosity"] > 0:
                    self.stdout.write(done)
        except DatabaseFailure as error:
            raise CommandError(f"The database failed: {str(error).strip()}") from error

    def _list(self, options: dict[str, Any]) -> None:
        listed = listing(self.alias, self.declared, database_now(self.alias), options["next"] or 1)
        if options["format"] == "json":
            self.stdout.write(json.dumps([each.as_dict() for each in listed]))
        elif listed:
            style = self.style if self.stdout.isatty() or options["force_color"] else no_style()
            self.stdout.write(_table(listed, lambda state: getattr(style, STYLES[state])(state)))
        else:
            self.stdout.write(
                "There are no schedules; write @task(schedule=Cron('0 7 * * *')), or add one in the admin."
            )

    def _pause(self, name: str) -> str:
        pause(self.alias, self._row(name).name)
        return f"{name} is paused. To let it fire again: manage.py task_schedules resume {quote(name)}"

    def _resume(self, name: str) -> str:
        rule = self._scheduled(self._row(name)).rule
        resume(self.alias, name, rule, database_now(self.alias))
        return f"{name} fires next on {in_zone(self._row(name).next_fire_at, rule.zone_name)} ({rule.zone_name})."

    def _run(self, name: str) -> str:
        row = self._row(name)
        scheduled = self._scheduled(row)
        try:
            result = fire_now(self.alias, row, scheduled, database_now(self.alias))
        except DatabaseFailure:
            raise
        except Exception as error:  # a broker that is down, say
            raise CommandError(f"{name} could not be enqueued ({type(error).__name__}: {error}).") from error
        if result is None:
            raise CommandError(f"{name} has an unfinished task, and overlap='skip': nothing is enqueued.")
        return f"{name} is enqueued: task id={result.id}"

    def _row(self, name: str) -> Schedule:
        rows = rows_of(self.alias).filter(pk=name).defer("definition")  # which may be no JSON
        row = rows.first()
        if row is None and name in self.declared:  # no run has seen it yet
            try:
                add(self.alias, self.declared[name], database_now(self.alias))
            except InvalidTask as error:
                raise CommandError(f"{name} cannot fire: {error}") from error
            row = rows.first()
        if row is None:
            raise CommandError(
                f"There is no schedule {name!r}; for their names: manage.py task_schedules", returncode=BAD_ARGUMENTS
            )
        return row

    def _scheduled(self, row: Schedule) -> Scheduled:
        try:
            scheduled = scheduled_by(row, self.declared)
        except InvalidTask as error:
            raise CommandError(f"{row.name} cannot fire: {error}") from error
        if scheduled is None:
            raise CommandError(f"{row.name}: the project does not have this schedule any more.")
        return scheduled

    def _explain(self, options: dict[str, Any]) -> None:
        try:
            rule = Cron(options["expression"], timezone=options["timezone"])
            words, times = in_words(rule), next_fire_times(rule, datetime.now(UTC), options["next"] or 5)
        except InvalidTask as error:
            raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error
        if options["format"] == "json":
            next_fire_at = [each.isoformat() for each in times]
            self.stdout.write(json.dumps({"words": words, "timezone": rule.zone_name, "next_fire_at": next_fire_at}))
            return
        self.stdout.write(f"{words}\n\nIt fires next:")
        for each in times:
            self.stdout.write(f"  {in_zone(each, rule.zone_name)}   {in_zone(each, 'UTC')} UTC")


def _usual_options() -> CommandParser:
    """Django's own, so that they may stand behind an action, too."""
    usual = CommandParser(add_help=False, argument_default=SUPPRESS)  # else it would win over what stands before it
    usual.add_argument("-v", "--verbosity", type=int, choices=range(4), help=SUPPRESS)
    for name in ("--settings", "--pythonpath"):
        usual.add_argument(name, help=SUPPRESS)
    for name in ("--traceback", "--no-color", "--force-color"):
        usual.add_argument(name, action="store_true", help=SUPPRESS)
    return usual


def _table(listed: list[Listed], paint: Callable[[State], str]) -> str:
    rows = [HEADS, *(row for each in listed for row in _rows(each, paint))]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _rows(each: Listed, paint: Callable[[State], str]) -> Iterator[tuple[str, ...]]:
    last = in_zone(each.last_fire_at, each.timezone)
    first, *others = [in_zone(time, each.timezone) for time in each.next_fire_at] or ["-"]
    error = f": {' '.join(each.error.split())}" if each.error else ""
    yield each.name, each.rule, each.timezone, last, first, paint(each.state) + error
    for other in others:
        yield "", "", "", "", other, ""


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ArgumentTypeError(f"{text} is not a number from 1 to 1000.")
    return int(text)
