from __future__ import annotations

import json
import logging
import math
import os
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFailure

from ...backends.base import OneshotBackend, StoreUnavailable
from ...compat import DEFAULT_TASK_BACKEND_ALIAS
from ...hosts.budget import NOWHERE, budget_here, host_of
from ...run.backends import queues_of, runnable_backend
from ...run.deadline import SHORT_GRACE, Deadline
from ...run.drain import Limits, drain
from ...run.due import whats_due
from ...run.host import LAST_WORDS_SECONDS, Host, exit_now
from ..parser import answer_in_one_sentence

logger = logging.getLogger("django_tasks_oneshot")

BAD_ARGUMENTS = 2
DRY_RUN_TASKS = 100
NOTHING_LOST = "No task is lost: what was not recorded is claimed again when its lease ends."


class Command(BaseCommand):
    help = "Runs the tasks that are due, and those of schedules that came due since the last run, then exits."
    # All checks import the URLconf and with it the whole project, once a minute for nothing. The backend's are made.
    requires_system_checks = ()
    exit_now: Callable[[int], None] | None = None
    thread_grace: float = 5.0  # seconds for threads that tasks left behind

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--max-seconds",
            type=_seconds,
            help="Start no task after this many seconds, and let those stop that can continue in the next run. Without "
            f"it, what the host leaves a run that it starts, where it is known; else {NOWHERE.max_seconds}.",
        )
        parser.add_argument(
            "--grace-seconds",
            type=_grace,
            help="After --max-seconds or a signal, interrupt the running task when it goes on for this many seconds, "
            "and start none that does not fit into both. "
            f"Without it, {SHORT_GRACE:g} after a signal, and after --max-seconds never.",
        )
        parser.add_argument("--max-tasks", type=_count, help="Start at most this many tasks.")
        parser.add_argument(
            "--queue",
            action="append",
            default=[],
            metavar="NAME",
            help="Only tasks of this queue; may be given several times. Without it, all queues.",
        )
        parser.add_argument(
            "--backend",
            default=DEFAULT_TASK_BACKEND_ALIAS,
            metavar="ALIAS",
            help="Which of TASKS to run (default: %(default)s).",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="When nothing is due, look again every second until --max-seconds; without these, for ever.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what is due, and run nothing.")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="How to report (default: text).")
        parser.add_argument("--fail-on-error", action="store_true", help="Exit with 1 when a task failed for good.")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        answer_in_one_sentence(parser)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        code: Any = 1
        self.exit_now = exit_now  # this is its own process
        try:
            super().run_from_argv(argv)
            code = 0
        except SystemExit as exit_:
            code = exit_.code
            raise
        finally:
            _exit_despite_threads(code, self.thread_grace)

    def handle(self, *args: Any, **options: Any) -> None:
        backend = self._backend(options["backend"])
        limits = Limits(queues=self._queues(backend, options), max_tasks=options["max_tasks"], wait=options["wait"])
        try:
            if options["dry_run"]:
                self._say_what_is_due(backend, limits, options)
            else:
                self._run(backend, limits, options)
        except DatabaseFailure as error:
            raise CommandError(
                f"The run ended early, the database failed: {str(error).strip()}\n{NOTHING_LOST}"
            ) from error
        except StoreUnavailable as error:
            raise CommandError(f"The run ended early: {error}\n{NOTHING_LOST}") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error

    def _say_what_is_due(self, backend: OneshotBackend, limits: Limits, options: dict[str, Any]) -> None:
        plan = whats_due(backend, limits.queues, limits.max_tasks or DRY_RUN_TASKS)
        self.stdout.write(json.dumps(plan.as_dict()) if options["format"] == "json" else plan.as_text())

    def _run(self, backend: OneshotBackend, limits: Limits, options: dict[str, Any]) -> None:
        with _logging(options["verbosity"]):
            deadline = _deadline(options["max_seconds"], options["grace_seconds"], wait=options["wait"])
            report = drain(backend, deadline, limits, Host(exit_now=self.exit_now))
        if deadline.is_stopped:  # who sent the signal waits
            self.thread_grace = LAST_WORDS_SECONDS
        if options["format"] == "json":
            self.stdout.write(json.dumps(report.as_dict()))
        elif options["verbosity"] >= 2 or (options["verbosity"] == 1 and self._is_worth_saying(report.is_idle)):
            self.stdout.write(report.as_text())
        if options["fail_on_error"] and report.failed:
            raise CommandError(f"{report.failed} of the tasks failed for good.")

    def _backend(self, alias: str) -> OneshotBackend:
        try:
            return runnable_backend(alias)
        except ImproperlyConfigured as error:
            raise CommandError(f"--backend {alias}: {error}", returncode=BAD_ARGUMENTS) from error

    def _queues(self, backend: OneshotBackend, options: dict[str, Any]) -> frozenset[str]:
        try:
            return queues_of(backend, options["queue"])
        except ValueError as error:
            raise CommandError(f"--queue {error}", returncode=BAD_ARGUMENTS) from error

    def _is_worth_saying(self, is_idle: bool) -> bool:
        """cron mails whatever is printed, so a run that had nothing to do is silent, unless somebody is looking."""
        return not is_idle or self.stdout.isatty()


def _deadline(max_seconds: float | None, grace_seconds: float | None, *, wait: bool) -> Deadline:
    """A run of which nobody says how long it may take ends before its host ends it."""
    if max_seconds is not None or wait:
        return Deadline(max_seconds, grace_seconds)
    host = host_of(os.environ)
    limits = budget_here(host, grace_seconds)
    logger.info("%s: %s", host.title if host else "No host is recognised", limits.options)
    return Deadline(limits.max_seconds, limits.grace_seconds)


@contextmanager
def _logging(verbosity: int) -> Iterator[None]:
    """LOGGING decides. Where it has nobody listen, Python prints warnings: -v 0 prevents that, -v 2 tells each task."""
    target, handler = logging.getLogger(), cast("logging.Handler", logging.NullHandler())
    previous = logger.level
    if verbosity >= 2:
        logger.setLevel(logging.INFO)
        target, handler = logger, logging.StreamHandler()
    if verbosity != 1 and not logger.hasHandlers():
        target.addHandler(handler)
    try:
        yield
    finally:
        target.removeHandler(handler)
        logger.setLevel(previous)


def _exit_despite_threads(code: Any, grace: float) -> None:
    """Ends the process soon, even where a task left a thread behind for which Python would wait for ever."""
    left = [each.name for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if not left:
        return

    def leave() -> None:
        logger.warning("Tasks left threads behind that do not end: %s. The run exits without them.", ", ".join(left))
        exit_now(code if isinstance(code, int) else 1)

    timer = threading.Timer(grace, leave)
    timer.daemon = True  # goes on while Python waits for the others
    timer.start()


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(
            f"{text} is not a number of seconds above 0; write 55, or for a run without an end --wait alone."
        )
    return value


def _grace(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"{text} is not a number of seconds; write 5, or 0 to interrupt at once.")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a number of tasks above 0; leave it out for no limit.")
    return int(text)
