"""What holds for the templates of all hosts."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise, takewhile

import hcl2
import pytest
from croniter import croniter
from django.template import Context

from django_tasks_oneshot.hosts.config import _engine
from django_tasks_oneshot.hosts.interval import as_cron
from django_tasks_oneshot.hosts.table import DIRECTORY
from tests.contract.moments import utc

from .rendered import HOSTS, INTERVALS, all_text, broken, config

FILES = [(name, path) for name in HOSTS for path in config(name).files]
START, END = utc("2026-03-01"), utc("2026-03-04")
#: In these no cron expression stands: they have a language of their own, or a menu.
WITHOUT_CRON = ("systemd", "heroku", "fly", "pythonanywhere", "cron-job-org", "lambda")
CRON = re.compile(r"(?:^|(?<=[\"']))[\d*/,-]+(?: [\d*/,-]+){4}(?=[ \"'])", re.MULTILINE)


def yaml_of(text):
    return pytest.importorskip("yaml").safe_load(text)


def bash_of(text):
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    if done.returncode:
        raise ValueError(done.stderr)


# That systemd can read its units is in test_timers.py.
PARSERS = {"json": json.loads, "yaml": yaml_of, "yml": yaml_of, "tf": hcl2.loads, "sh": bash_of}
LEFT_OUT = {"json": '"', "yaml": ":", "yml": ":", "tf": '"', "sh": 'cd "'}
PARSED = [(name, path) for name, path in FILES if name != "systemd"]


def kind(path):
    return path.rpartition(".")[2]


def test_each_host_has_a_template_and_each_template_its_host():
    assert {path.name for path in (DIRECTORY / "templates").iterdir()} == {f"{name}.txt" for name in HOSTS}


@pytest.mark.parametrize("name", HOSTS)
def test_all_variables_of_a_template_are_there(name):
    for minutes in INTERVALS[name]:
        assert "MISSING" not in all_text(config(name, minutes))


def test_a_variable_that_is_not_there_would_be_seen():
    rendered = _engine().from_string("{{ host.limit_secs }}").render(Context({"host": HOSTS["render"]}))
    assert rendered == "MISSING: host.limit_secs"


@pytest.mark.parametrize("name", HOSTS)
def test_there_are_files_or_something_to_type_and_always_steps(name):
    rendered = config(name)
    assert bool(rendered.files) != bool(rendered.output)
    assert rendered.steps.strip()


@pytest.mark.parametrize(("name", "path"), FILES)
def test_a_file_ends_with_a_line_break_and_no_line_with_blanks(name, path):
    text = config(name).files[path]
    assert re.search(r"[^\n]\n\Z", text)
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "path"), PARSED)
def test_a_file_can_be_read_whatever_the_interval(name, path):
    for minutes in INTERVALS[name]:
        PARSERS[kind(path)](config(name, minutes).files[path])


@pytest.mark.parametrize(("name", "path"), PARSED)
def test_a_file_that_lacks_something_cannot_be_read(name, path):
    text = config(name).files[path]
    with pytest.raises(Exception):  # noqa: B017, PT011 - each parser has its own
        PARSERS[kind(path)](broken(text, LEFT_OUT[kind(path)], ""))


def crons(name, minutes):
    return CRON.findall(all_text(config(name, minutes)))


def minutes_between(cron):
    """The fewest between two runs, in three days."""
    instants = takewhile(lambda instant: instant <= END.timestamp(), croniter(cron, START).all_next())
    return min(later - earlier for earlier, later in pairwise(instants)) / 60


def is_for_vercel(cron):
    """https://vercel.com/docs/cron-jobs: of day of month and day of week, one is a star."""
    _, _, day, _, weekday = cron.split()
    return "*" in (day, weekday) and 9 <= len(cron) <= 256


RULES = {
    "vercel": is_for_vercel,
    "railway": lambda cron: minutes_between(cron) >= 5,  # https://docs.railway.com/cron-jobs
    "upsun": lambda cron: minutes_between(cron) >= 5,
    "github-actions": lambda cron: minutes_between(cron) >= 5,
    "scalingo": lambda cron: minutes_between(cron) >= 10,
    "digitalocean": lambda cron: minutes_between(cron) >= 15,
}


def is_usable(name, cron):
    return croniter.is_valid(cron) and RULES.get(name, bool)(cron)


@pytest.mark.parametrize("name", [name for name in HOSTS if name not in WITHOUT_CRON])
def test_the_cron_expression_is_that_of_the_interval_and_the_host_takes_it(name):
    for minutes in INTERVALS[name]:
        assert crons(name, minutes) == [as_cron(minutes)]
        assert is_usable(name, as_cron(minutes))


@pytest.mark.parametrize("name", WITHOUT_CRON)
def test_there_is_no_cron_expression_where_the_host_has_another_way(name):
    assert not any(crons(name, minutes) for minutes in INTERVALS[name])


@pytest.mark.parametrize(
    ("name", "cron"),
    [
        ("crontab", "60 * * * *"),
        ("vercel", "0 0 1 * 1"),
        ("railway", "*/7 * * * *"),
        ("railway", "*/4 * * * *"),
        ("upsun", "* * * * *"),
        ("github-actions", "*/4 * * * *"),
        ("scalingo", "*/9 * * * *"),
        ("digitalocean", "*/14 * * * *"),
    ],
)
def test_a_cron_expression_that_the_host_would_refuse_is_found(name, cron):
    assert not is_usable(name, cron)
