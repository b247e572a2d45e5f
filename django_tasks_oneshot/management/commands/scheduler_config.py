from __future__ import annotations

import getpass
import json
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...conf import setting
from ...hosts.budget import budget
from ...hosts.config import Config, UnusableInterval, Wanted, config_of
from ...hosts.crontab import UnusableLine, with_line, without_line
from ...hosts.files import Outdated, outdated, write_files
from ...hosts.interval import in_words
from ...hosts.local import LocalProject
from ...hosts.table import HostFacts, all_hosts
from ...hosts.user_crontab import CrontabError, read_crontab, write_crontab
from ...http.checks import url_of_runs

BAD_ARGUMENTS = 2
ON_THIS_MACHINE = ("crontab", "cpanel", "systemd", "pythonanywhere")
IN_A_CRONTAB = ("crontab", "cpanel")
HEADINGS: tuple[str, ...] = ("HOST", "STARTS", "INTERVAL", "OVERLAP", "KILLED AFTER", "GRACE", "CHECKED", "SOURCE")


class Command(BaseCommand):
    help = "Says what a host needs to start runs: its configuration, the command or URL, and how long a run may take."
    # As for runs: all checks import the URLconf and with it the whole project.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host", nargs="?", choices=tuple(all_hosts()), metavar="HOST", help="Where runs start.")
        parser.add_argument("--list", action="store_true", help="Show all hosts, and what they do with runs.")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="Of the list (default: text).")
        parser.add_argument(
            "--interval", type=_minutes, metavar="MINUTES", help="Between runs (default: what suits the host)."
        )
        parser.add_argument("--url", type=_url, help="Of tasks/run/ on your site, for hosts that call a URL.")
        parser.add_argument("--image", default="IMAGE", help="The container's image, for hosts that start one.")
        parser.add_argument(
            "--env",
            action="append",
            type=_variable,
            default=[],
            metavar="NAME=VALUE",
            help="A variable for the command; may be given several times. All on the machine can see it.",
        )
        parser.add_argument(
            "--env-file",
            type=_absolute,
            metavar="FILE",
            help="A file with variables for the command, a line NAME='value' for each: for secrets.",
        )
        parser.add_argument("--log", type=_absolute, metavar="FILE", help="Append to it what runs print.")
        parser.add_argument(
            "--mailto", type=_address, metavar="ADDRESS", help="Whom cron mails what runs print; '' for nobody."
        )
        parser.add_argument(
            "--directory", type=_absolute, metavar="DIR", help="Where files go (default: that of manage.py)."
        )
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--write", action="store_true", help="Write the files, instead of printing them.")
        does.add_argument(
            "--check", action="store_true", help="Exit with 1 if the files are not as --write writes them."
        )
        does.add_argument(
            "--install", action="store_true", help="Add the line to your crontab, or bring it up to date there."
        )
        does.add_argument("--remove", action="store_true", help="Take the line out of your crontab.")
        parser.add_argument("--force", action="store_true", help="Let --write replace files that are different.")
        parser.add_argument("--no-input", action="store_false", dest="interactive", help="Write without asking first.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self._list(options["format"])
            return
        host = _host(options)
        local = LocalProject.found(
            sys.argv[0],
            _settings_module(),
            environment=tuple(options["env"]),
            env_file=options["env_file"],
            log=options["log"],
        )
        if options["remove"]:
            self._change_crontab(lambda crontab: without_line(crontab, local.directory), options)
            return
        config = _config(host, local, options)
        if options["install"]:
            line, mailto, owner = config.output.strip(), options["mailto"], getpass.getuser()
            self._change_crontab(lambda crontab: with_line(crontab, line, local.directory, mailto, owner), options)
        elif options["write"] or options["check"]:
            self._see_to_files(config.files, options["directory"] or local.directory, options)
        else:
            self.stdout.write(_printed(config), ending="")
        if options["verbosity"] > 0 and not options["check"] and not options["install"]:
            self.stderr.write(config.steps.strip())

    def _see_to_files(self, files: dict[str, str], directory: Path, options: dict[str, Any]) -> None:
        if options["check"]:
            if different := outdated(files, directory):
                raise CommandError(
                    f"Not as they would be written: {', '.join(different)}. Type it with --write --force."
                )
            return
        try:
            written = write_files(files, directory, replace=options["force"])
        except (Outdated, OSError) as error:
            raise CommandError(f"Nothing was written: {error}") from error
        if options["verbosity"] > 0:
            for path in written:
                self.stdout.write(f"Written: {directory / path}")

    def _change_crontab(self, change: Callable[[str], str], options: dict[str, Any]) -> None:
        try:
            before = read_crontab()
            after = change(before)
            if after == before:
                self._say("The crontab needs no change.", options)
                return
            self._say(_difference(before, after), options)
            if options["interactive"] and not _is_agreed_to():
                raise CommandError("Nothing was written.")
            write_crontab(after, instead_of=before)
        except CrontabError as error:
            raise CommandError(str(error)) from error
        self._say("The crontab is written.", options)

    def _say(self, text: str, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(text)

    def _list(self, form: str) -> None:
        if form == "json":
            self.stdout.write(json.dumps([_row(host) for host in all_hosts().values()], default=str))
            return
        rows = [HEADINGS, *map(_text_row, all_hosts().values())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _host(options: dict[str, Any]) -> HostFacts:
    """Raises CommandError where something was asked for that this host does not have."""
    if options["host"] is None:
        raise CommandError("Say which HOST; --list shows all.", returncode=BAD_ARGUMENTS)
    name = options["host"]
    for option in ("install", "remove", "mailto"):
        if options[option] not in (None, False) and name not in IN_A_CRONTAB:
            raise CommandError(f"--{option} is for {' and '.join(IN_A_CRONTAB)}.", returncode=BAD_ARGUMENTS)
    for option in ("env", "env_file", "log"):
        if options[option] and name not in ON_THIS_MACHINE:
            raise CommandError(
                f"--{option.replace('_', '-')} is for {', '.join(ON_THIS_MACHINE)}; on {name} the host knows the "
                "environment, and keeps the log.",
                returncode=BAD_ARGUMENTS,
            )
    if options["mailto"] is not None and not options["install"]:
        raise CommandError("--mailto is for --install: it takes a line of its own.", returncode=BAD_ARGUMENTS)
    return all_hosts()[name]


def _config(host: HostFacts, local: LocalProject, options: dict[str, Any]) -> Config:
    try:
        config = config_of(
            host,
            Wanted(
                minutes=options["interval"] or host.interval,
                local=local,
                url=_url_for(host, options["url"]),
                image=options["image"],
                settings=_settings_module(),
                tick_max_seconds=setting("TICK_MAX_SECONDS"),
            ),
        )
    except UnusableInterval as error:
        raise CommandError(f"--interval {error}", returncode=BAD_ARGUMENTS) from error
    except UnusableLine as error:
        raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error
    if (options["write"] or options["check"]) and not config.files:
        raise CommandError(f"{host.title} has no file; leave out --write, and type what is printed.", returncode=2)
    return config


def _settings_module() -> str:
    return os.environ.get("DJANGO_SETTINGS_MODULE", "")


def _url_for(host: HostFacts, url: str | None) -> str:
    if host.form != "http" or url:
        return url or ""
    path = url_of_runs()
    if path is None:
        raise CommandError(
            f"{host.title} calls a URL, and this project has none for runs: write "
            'path("tasks/", include("django_tasks_oneshot.urls")) into its URLconf, or say --url.',
            returncode=BAD_ARGUMENTS,
        )
    if host.name != "vercel":  # which knows the rest itself
        raise CommandError(f"{host.title} needs --url https://YOUR-SITE{path}", returncode=BAD_ARGUMENTS)
    return path


def _printed(config: Config) -> str:
    if config.output:
        return config.output
    if len(config.files) == 1:
        return next(iter(config.files.values()))
    return "".join(f"# {path}\n{text}" for path, text in config.files.items())


def _difference(before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(), after.splitlines(), "crontab", "crontab", lineterm="", n=1)
    return "\n".join(lines)


def _is_agreed_to() -> bool:
    try:
        return input("Write it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError as error:
        raise CommandError("Nothing was written: nobody answers here. --no-input writes without asking.") from error


def _row(host: HostFacts) -> dict[str, Any]:
    limits = None if host.form == "function" else asdict(budget(host, host.interval))
    return {**asdict(host), "budget": limits}


def _text_row(host: HostFacts) -> tuple[str, ...]:
    limit = f"{host.limit_seconds} s" if host.limit_seconds else ""
    ends = "the interval" if host.ends_with_interval else ""
    return (
        host.name,
        host.form,
        in_words(host.interval),
        host.overlap,
        ", ".join(filter(None, (ends, limit))) or "-",
        "-" if host.grace_seconds is None else f"{host.grace_seconds} s",
        str(host.checked),
        host.sources[0],
    )


def _minutes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a number of minutes above 0; write 5, or 60 for an hour.")
    return int(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s#]", text):
        raise ArgumentTypeError(f"{text} is no URL; write https://example.com/tasks/run/.")
    return text


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\n" in value:
        raise ArgumentTypeError(f"{text!r} is no variable; write NAME=VALUE.")
    return name, value


def _address(text: str) -> str:
    if re.search(r"[\s\"'%]", text):
        raise ArgumentTypeError(f"{text!r} is no address for cron; write it without spaces and quotation marks.")
    return text or '""'


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() would follow links
