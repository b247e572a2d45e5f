from __future__ import annotations

import getpass
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...conf import setting
from ...hosts import listing
from ...hosts.config import Config, UnusableInterval, Wanted, config_of
from ...hosts.crontab import UnusableLine, others, with_line, without_line
from ...hosts.files import Outdated, outdated, write_files
from ...hosts.local import LocalProject, UnusableFile
from ...hosts.table import HostFacts, all_hosts
from ...hosts.user_crontab import CrontabError, read_crontab, write_crontab
from ...http.checks import url_of_runs
from ..parser import answer_in_one_sentence

BAD_ARGUMENTS = 2
ON_THIS_MACHINE = ("crontab", "cpanel", "systemd", "pythonanywhere")
IN_A_CRONTAB = ("crontab", "cpanel")


class Command(BaseCommand):
    help = "Says what a host needs to start runs: its configuration, the command or URL, and how long a run may take."
    # As for runs: all checks import the URLconf and with it the whole project.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        answer_in_one_sentence(parser)
        parser.add_argument("host", nargs="?", metavar="HOST", help="Where runs start.")
        parser.add_argument("--list", action="store_true", help="Show all hosts; or HOST, with its sources.")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="Of the list (default: text).")
        parser.add_argument(
            "--interval", type=_minutes, metavar="MINUTES", help="Between runs (default: what suits the host)."
        )
        parser.add_argument(
            "--url", type=_url, help="Of tasks/run/ on your site, for hosts that call a URL: https://..."
        )
        parser.add_argument(
            "--name", type=_name, help="What a job is called there (default: by the settings' package)."
        )
        parser.add_argument(
            "--image", type=_image, default="IMAGE", help="The container's image, for hosts that start one."
        )
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
            "--directory",
            type=_absolute,
            metavar="DIR",
            help="Where files go (default: where the host looks).",
        )
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--write", action="store_true", help="Write the files, instead of printing them.")
        does.add_argument("--check", action="store_true", help="Exit with 1 if the files are not as it writes them.")
        does.add_argument(
            "--install", action="store_true", help="Add the line to your crontab, or bring it up to date there."
        )
        does.add_argument("--remove", action="store_true", help="Take the line out of your crontab.")
        parser.add_argument("--force", action="store_true", help="Let --write replace files that are different.")
        parser.add_argument("--no-input", action="store_false", dest="interactive", help="Write without asking first.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(options)
        except (UnusableLine, UnusableFile) as error:
            raise CommandError(str(error), returncode=BAD_ARGUMENTS) from error
        except UnusableInterval as error:
            raise CommandError(f"--interval {error}", returncode=BAD_ARGUMENTS) from error
        except CrontabError as error:
            raise CommandError(str(error)) from error
        except (Outdated, OSError) as error:
            raise CommandError(f"Nothing was written: {error}") from error

    def _handle(self, options: dict[str, Any]) -> None:
        if options["list"]:
            self.stdout.write(_listed(options))
            return
        host = _host(options)
        _check_options(host, options)
        local = LocalProject.found(
            sys.argv[0],
            os.environ.get("DJANGO_SETTINGS_MODULE", ""),
            options["pythonpath"],
            environment=tuple(options["env"]),
            env_file=options["env_file"],
            log=options["log"],
        )
        if options["remove"]:
            self._change_crontab(lambda crontab: without_line(crontab, local.project, getpass.getuser()), options)
            return
        local.check_files()
        config = config_of(host, _wanted(host, local, options))
        if options["install"]:
            self._install(config.output.strip(), local, options)
        elif options["check"]:
            _check_files(_files(host, config), _directory(host, local, options))
        elif options["write"]:
            self._write_files(_files(host, config), _directory(host, local, options), options)
            self._say_what_is_left(config, options)
        else:
            self.stdout.write(_printed(config), ending="")
            self._say_what_is_left(config, options)

    def _say_what_is_left(self, config: Config, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0:
            self.stderr.write(config.steps.strip(), style_func=str)

    def _write_files(self, files: dict[str, str], directory: Path, options: dict[str, Any]) -> None:
        for path in write_files(files, directory, replace=options["force"]):
            self._say(f"Written: {directory / path}", options)

    def _install(self, line: str, local: LocalProject, options: dict[str, Any]) -> None:
        mailto, owner = options["mailto"], getpass.getuser()
        crontab = self._change_crontab(lambda crontab: with_line(crontab, line, local.project, mailto, owner), options)
        for other in others(crontab, local.project, local.directory):
            self.stderr.write(f"warning: another line starts runs there, too: {_printable(other)}", self.style.WARNING)

    def _change_crontab(self, change: Callable[[str], str], options: dict[str, Any]) -> str:
        """Returns what it is now."""
        before = read_crontab()
        after = change(before)
        if after == before:
            self._say("The crontab needs no change.", options)
            return after
        self._say(_difference(before, after), options)
        if options["interactive"] and not _is_agreed_to():
            raise CommandError("Nothing was written.")
        write_crontab(after, instead_of=before)
        self._say("The crontab is written.", options)
        return after

    def _say(self, text: str, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(text)


def _listed(options: dict[str, Any]) -> str:
    hosts = [_host(options)] if options["host"] else list(all_hosts().values())
    if options["format"] == "json":
        return listing.as_json(hosts)
    return listing.details(hosts[0]) if options["host"] else listing.as_text(hosts)


def _host(options: dict[str, Any]) -> HostFacts:
    if options["host"] is None:
        raise CommandError("Say which HOST; --list shows all.", returncode=BAD_ARGUMENTS)
    host = all_hosts().get(options["host"].lower())
    if host is None:
        raise CommandError(
            f"{options['host']} is not known; write one of: {', '.join(all_hosts())}.", returncode=BAD_ARGUMENTS
        )
    return host


def _check_options(host: HostFacts, options: dict[str, Any]) -> None:
    """Raises CommandError where something was asked for that this host does not have."""
    for option in ("install", "remove", "mailto"):
        if options[option] not in (None, False) and host.name not in IN_A_CRONTAB:
            raise CommandError(f"--{option} is for {' and '.join(IN_A_CRONTAB)}.", returncode=BAD_ARGUMENTS)
    for option in ("env", "env_file", "log"):
        if options[option] and host.name not in ON_THIS_MACHINE:
            raise CommandError(
                f"--{option.replace('_', '-')} is for {', '.join(ON_THIS_MACHINE)}; on {host.name} the host knows the "
                "environment, and keeps the log.",
                returncode=BAD_ARGUMENTS,
            )
    if options["mailto"] is not None and not options["install"]:
        raise CommandError("--mailto is for --install: it takes a line of its own.", returncode=BAD_ARGUMENTS)


def _wanted(host: HostFacts, local: LocalProject, options: dict[str, Any]) -> Wanted:
    return Wanted(
        minutes=options["interval"] or host.interval,
        local=local,
        url=_url_for(host, options["url"]),
        name=options["name"] or "",
        image=options["image"],
        tick_max_seconds=setting("TICK_MAX_SECONDS"),
    )


def _url_for(host: HostFacts, url: str | None) -> str:
    if host.form != "http":
        return ""
    path = url_of_runs()
    if path is None and url:
        return url
    if path is None:
        raise CommandError(
            f"{host.title} calls a URL, and this project has none for runs: write "
            'path("tasks/", include("django_tasks_oneshot.urls")) into its URLconf, or say --url.',
            returncode=BAD_ARGUMENTS,
        )
    if url is None and host.name == "vercel":  # which knows the rest itself
        return path
    if url is None:
        raise CommandError(f"{host.title} needs --url https://YOUR-SITE{path}", returncode=BAD_ARGUMENTS)
    if not urlsplit(url).path.endswith(path):
        raise CommandError(f"--url {url}: runs are at https://YOUR-SITE{path}", returncode=BAD_ARGUMENTS)
    return url


def _files(host: HostFacts, config: Config) -> dict[str, str]:
    if not config.files:
        instead = "Use --install." if host.name in IN_A_CRONTAB else "Type what is printed without this option."
        raise CommandError(f"{host.title} has no file. {instead}", returncode=BAD_ARGUMENTS)
    return config.files


def _directory(host: HostFacts, local: LocalProject, options: dict[str, Any]) -> Path:
    at_home = Path(host.directory).expanduser() if host.directory else None
    directory: Path = options["directory"] or at_home or local.directory
    return directory


def _check_files(files: dict[str, str], directory: Path) -> None:
    missing = [path for path in files if not (directory / path).exists()]
    if missing:
        raise CommandError(f"{', '.join(missing)}: not there. Use --write.")
    if different := outdated(files, directory):
        raise CommandError(f"{', '.join(different)}: another content. Compare it with what is printed without --check.")


def _printed(config: Config) -> str:
    if config.output:
        return config.output
    if len(config.files) == 1:
        return next(iter(config.files.values()))
    return "\n".join(f"=== {path}\n{text}" for path, text in config.files.items())


def _difference(before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(), after.splitlines(), "crontab", "crontab", lineterm="", n=1)
    return "\n".join(map(_printable, lines))


def _printable(line: str) -> str:
    """Lines of others may be in any encoding."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_agreed_to() -> bool:
    try:
        return input("Write it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError as error:
        raise CommandError("\nNothing was written: nobody answers here. --no-input writes without asking.") from error


def _minutes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a number of minutes above 0; write 5, or 60 for an hour.")
    return int(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s#]", text):
        raise ArgumentTypeError(f"{text} is no URL; write https://example.com/tasks/run/.")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", text):
        raise ArgumentTypeError(f"{text} is no name for all hosts; write letters, digits and hyphens: mysite-tasks.")
    return text


def _image(text: str) -> str:
    if not text.isprintable() or " " in text:
        raise ArgumentTypeError(f"{text!r} is no image; write registry.example.com/mysite:1.")
    return text


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or not value.isprintable():
        raise ArgumentTypeError(f"{text!r} is no variable; write NAME=VALUE.")
    return name, value


def _address(text: str) -> str:
    if re.search(r"[\s\"'%]", text):
        raise ArgumentTypeError(f"{text!r} is no address for cron; write it without spaces and quotation marks.")
    return text or '""'


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() would follow links
