"""What the templates make of an interval, and the text of it that the tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django_tasks_oneshot.hosts.config import Config, UnusableInterval, Wanted, check_interval, config_of
from django_tasks_oneshot.hosts.interval import DAY
from django_tasks_oneshot.hosts.local import LocalProject
from django_tasks_oneshot.hosts.table import HostFacts, all_hosts

HOSTS = all_hosts()
URL = "https://example.com/tasks/run/?of=all"
LOCAL = LocalProject(
    directory=Path("/srv/site"),
    words=("/srv/site/.venv/bin/python", "manage.py"),
    settings="mysite.settings",
    options=("--settings", "mysite.settings"),
)


def takes(host: HostFacts, minutes: int) -> bool:
    try:
        check_interval(host, minutes)
    except UnusableInterval:
        return False
    return True


INTERVALS = {name: [each for each in range(1, DAY + 1) if takes(host, each)] for name, host in HOSTS.items()}


def few(name: str) -> list[int]:
    """The shortest interval of a host, what suits it, and a day."""
    return sorted({INTERVALS[name][0], HOSTS[name].interval, INTERVALS[name][-1]})


def config(name: str, minutes: int | None = None, **wanted: Any) -> Config:
    host = HOSTS[name]
    values = {"local": LOCAL, "url": URL, "tick_max_seconds": 25, **wanted}
    return config_of(host, Wanted(minutes=minutes or host.interval, **values))


def file(name: str, minutes: int | None = None, **wanted: Any) -> str:
    """That of a host which has one."""
    (text,) = config(name, minutes, **wanted).files.values()
    return text


def all_text(config: Config) -> str:
    return "\n".join([*config.files.values(), config.output, config.steps])


def typed(steps: str) -> str:
    """Those lines of the steps that are typed: they are indented."""
    return "".join(f"{line[2:]}\n" for line in steps.splitlines() if line.startswith("  "))


def broken(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)
