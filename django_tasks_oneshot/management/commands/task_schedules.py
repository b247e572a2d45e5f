from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...compat import InvalidTask
from ...contract.cron import Cron
from ...contract.declared import declared_schedules
from ...contract.words import in_words
from ...db.clock import database_now
from ...models import Schedule
from ...run.fire import fire_now
from ...run.listing import Listed, State, in_zone, listing
from ...run.schedules import bring_in_line, database_of_schedules, pause, resume, rows_of, scheduled_by

BAD_ARGUMENTS = 2
STYLES: dict[State, str] = {
    "active": "SUCCESS",
    "new": "SUCCESS",
    "paused": "WARNING",
    "removed": "WARNING",
    "broken": "ERROR",
}


class Command(BaseCommand):
    help = "Shows the schedules of the project; pauses, resumes and runs them; explains a crontab line."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--next", type=_count, default=1, metavar="N", help="Show the next N fire times of each (default: 1)."
        )
        parser.add_argument("--format", choices=["text", "json"], default="text", help="How to show them.")
        actions = parser.add_subparsers(dest="action", metavar="ACTION")
        for name, what in {
            "pause": "Keep it from firing until it is resumed, whatever is deployed meanwhile.",
            "resume": "Let it fire again, from now on.",
            "run": "Enqueue its task now, out of turn.",
        }.items():
            action = actions.add_parser(name, help=what, description=what)
            action.add_argument("name", metavar="NAME", help="The name of a schedule, as the list shows it.")
        explain = actions.add_parser("explain", help="Say what a crontab line means, and when it fires next.")
        explain.add_argument("expression", metavar="EXPR", help="A crontab line in quotes, such as '0 7 * * mon-fri'.")
        explain.add_argument("--timezone", metavar="ZONE", help="An IANA name; TIME_ZONE of the project if not given.")
        explain.add_argument(
            "--next", type=_count, default=5, metavar="N", help="Show the next N fire times (default: 5)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.alias = database_of_schedules()
        self.declared = {each.name: each for each in declared_schedules()}
        action = options["action"]
        if action == "explain":
            self._explain(options)
        elif action is None:
            self._list(options)
        else:
            {"pause": self._pause, "resume": self._resume, "run": self._run}[action](options["name"])

    def _list(self, options: dict[str, Any]) -> None:
        listed = listing(self.alias, self.declared, database_now(self.alias), options["next"])
        if options["format"] == "json":
            self.stdout.write(json.dumps([each.as_dict() for each in listed]))
        elif listed:
            self.stdout.write(self._table(listed, colourful=self.stdout.isatty() or options["force_color"]))
        else:
            self.stdout.write("There are no schedules; write @task(schedule=Cron('0 7 * * *')).")

    def _table(self, listed: list[Listed], *, colourful: bool) -> str:
        heads = ["NAME", "RULE", "ZONE", "LAST FIRE", "NEXT FIRE", "STATE"]
        rows = [heads]
        states: list[State | None] = [None]
        for each in listed:
            first, *others = [in_zone(time, each.timezone) for time in each.next_fire_at] or ["-"]
            last = in_zone(each.last_fire_at, each.timezone)
            rows.append([each.name, each.rule, each.timezone, last, first, f"{each.state} {each.error}".strip()])
            rows += [["", "", "", "", other, ""] for other in others]
            states += [each.state] + [None] * len(others)
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        lines = []
        for row, state in zip(rows, states, strict=True):
            *cells, last = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            last = last.rstrip()
            if colourful and state is not None:
                last = getattr(self.style, STYLES[state])(last)
            lines.append("  ".join([*cells, last]).rstrip())
        return "\n".join(lines)

    def _pause(self, name: str) -> None:
        self._row(name)
        pause(self.alias, name)
        self.stdout.write(f"{name} is paused. To let it fire again: manage.py task_schedules resume {name}")

    def _resume(self, name: str) -> None:
        rule = self._scheduled(self._row(name)).rule
        resume(self.alias, name, rule, database_now(self.alias))
        row = self._row(name)
        self.stdout.write(f"{name} fires again: {in_zone(row.next_fire_at, rule.zone_name)} ({rule.zone_name}).")

    def _run(self, name: str) -> None:
        row = self._row(name)
        scheduled = self._scheduled(row)
        result = fire_now(self.alias, row, scheduled, database_now(self.alias))
        if result is None:
            raise CommandError(f"{name} has an unfinished task, and overlap='skip': nothing is enqueued.")
        self.stdout.write(f"{name} is enqueued: task id={result.id}")

    def _row(self, name: str) -> Schedule:
        bring_in_line(self.alias, self.declared, database_now(self.alias))
        row = rows_of(self.alias).filter(pk=name).first()
        if row is None:
            raise CommandError(
                f"There is no schedule {name!r}; manage.py task_schedules lists them.", returncode=BAD_ARGUMENTS
            )
        return row

    def _scheduled(self, row: Schedule) -> Any:
        try:
            scheduled = scheduled_by(row, self.declared)
        except InvalidTask as error:
            raise CommandError(f"{row.name}: {error}") from error
        if scheduled is None:
            raise CommandError(f"{row.name}: the project does not have this schedule any more.")
        return scheduled

    def _explain(self, options: dict[str, Any]) -> None:
        try:
            rule = Cron(options["expression"], timezone=options["timezone"])
        except InvalidTask as error:
            raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error
        self.stdout.write(in_words(rule))
        self.stdout.write("\nIt fires next:")
        instant = timezone.now()
        for _ in range(options["next"]):
            instant = rule.next_after(instant)
            self.stdout.write(f"  {in_zone(instant, rule.zone_name)}   {instant:%Y-%m-%d %H:%M} UTC")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ArgumentTypeError(f"{text} is not a number from 1 to 1000.")
    return int(text)
