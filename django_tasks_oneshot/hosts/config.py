"""What a host has to be told, from its template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.template import Context, Engine

from .budget import MARGIN, START_SECONDS, budget
from .crontab import line_of
from .interval import DAY, HOUR, as_calendar, as_cron, in_words, is_regular
from .local import LocalProject
from .table import DIRECTORY, HostFacts

_HEADING = re.compile(r"^--- (?:(file) (\S+)|(output)|(steps))\n", re.MULTILINE)

SUFFIX = "-run-due-tasks"
LONGEST_NAME = 32  # that all hosts take


class UnusableInterval(ValueError):
    """The host cannot start runs that often."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the templates cannot know."""

    minutes: int
    local: LocalProject
    url: str = ""
    name: str = ""
    image: str = "IMAGE"
    tick_max_seconds: float = 0  # of the settings


@dataclass(frozen=True, kw_only=True)
class Config:
    files: dict[str, str]  # by their paths in the project
    output: str  # what is typed, where there is no file
    steps: str  # what is left to do


def check_interval(host: HostFacts, minutes: int) -> None:
    """Raises `UnusableInterval`, which says what to write."""
    if host.intervals and minutes not in host.intervals:
        only = ", ".join(map(str, host.intervals))
        raise UnusableInterval(f"{minutes}: {host.title} has only these: {only}.")
    if minutes < host.minimal_interval:
        raise UnusableInterval(f"{minutes}: {host.title} takes {host.minimal_interval} minutes or more.")
    if not is_regular(minutes):
        raise UnusableInterval(
            f"{minutes} cannot be said in a crontab line; write what divides an hour (1, 5, 10, 15, 30 ...), or hours "
            "that divide a day (60, 120, 180 ... 1440)."
        )


def config_of(host: HostFacts, wanted: Wanted) -> Config:
    """Raises `UnusableInterval`, and `UnusableLine` for a crontab line that cron could not read."""
    check_interval(host, wanted.minutes)
    template = _engine().get_template(f"{host.name}.txt")
    text = template.render(Context(_context(host, wanted), autoescape=False))
    files, sections = {}, {"output": "", "steps": ""}
    _, *parts = _HEADING.split(text)
    for _file, path, output, steps, body in zip(*(parts[at::5] for at in range(5)), strict=True):
        if path:
            files[path] = body
        else:
            sections[output or steps] = body
    return Config(files=files, **sections)


@cache
def _engine() -> Engine:
    return Engine(
        dirs=[str(DIRECTORY / "templates")],
        builtins=["django_tasks_oneshot.hosts.filters"],
        string_if_invalid="MISSING: %s",  # a test looks for it
    )


def _context(host: HostFacts, wanted: Wanted) -> dict[str, Any]:
    minutes, local = wanted.minutes, wanted.local
    limits = budget(host, minutes)
    run = f"run_due_tasks {limits.options}"
    cron = as_cron(minutes)
    local_command = local.shell_command(run)
    site = _site_of(local.settings)
    url = _with_max_seconds(wanted.url, limits.max_seconds)
    return {
        "host": host,
        "local": local,
        "image": wanted.image,
        "minutes": minutes,
        "words": in_words(minutes),
        "cron": cron,
        "calendar": as_calendar(minutes),
        "run": run,
        "command": f"python manage.py {run}",
        "cron_and_command": f"{cron} python manage.py {run}",
        "arguments": ["manage.py", *run.split()],
        "local_command": local_command,
        "line": partial(line_of, cron, local_command, local.project),  # only for those that have a crontab
        "url": url,
        "path_and_query": urlsplit(url)._replace(scheme="", netloc="").geturl(),
        "how_long": _how_long(limits.max_seconds, wanted.tick_max_seconds),
        "site": wanted.name or site,
        "name": wanted.name or f"{site[: LONGEST_NAME - len(SUFFIX)].rstrip('-')}{SUFFIX}",
        "fly_schedule": "daily" if minutes == DAY else "hourly",
        "cron_job_org": _lists_of_numbers(minutes),
        "starting_deadline": min(minutes, HOUR) * 60,
        "max_time": limits.max_seconds + START_SECONDS + MARGIN,
        "limit_minutes": (host.limit_seconds or 0) // 60,
    }


def _site_of(settings: str) -> str:
    """A name by the package of the settings, which is the same wherever the project is: letters, digits and hyphens."""
    package = settings.partition(".")[0].lower()
    name = re.sub(r"[^a-z0-9]+", "-", package).strip("-").lstrip("-0123456789")[:LONGEST_NAME]
    return "site" if name in ("", "default") else name


def _with_max_seconds(url: str, seconds: float) -> str:
    query = urlsplit(url).query
    return url if "max_seconds" in parse_qs(query) else f"{url}{'&' if query else '?'}max_seconds={seconds:g}"


def _how_long(host_seconds: float, settings_seconds: float) -> str:
    if settings_seconds >= host_seconds:
        return ""
    return (
        f"A run takes {settings_seconds:g} seconds at most, as ONESHOT['TICK_MAX_SECONDS'] says. The host has time for "
        f"{host_seconds:g}: set it higher if your web server has, too."
    )


def _lists_of_numbers(minutes: int) -> dict[str, list[int]]:
    if minutes < HOUR:
        return {"minutes": [-1] if minutes == 1 else list(range(0, HOUR, minutes)), "hours": [-1]}
    return {"minutes": [0], "hours": [-1] if minutes == HOUR else list(range(0, 24, minutes // HOUR))}
