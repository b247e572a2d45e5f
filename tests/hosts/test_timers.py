"""The line for cron and the units for systemd: both programs read them, and the command does as it is told."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest

from django_tasks_oneshot.hosts.interval import as_calendar, as_cron
from django_tasks_oneshot.hosts.local import LocalProject

from .programs import Site
from .rendered import INTERVALS, broken, config

SOME_MINUTES = (1, 5, 60, 120, 1440)
VALUES = {
    "BLANKS": " a  b ",
    "QUOTES": """it's "so" """,
    "PERCENT": "100% %h %%",
    "DOLLAR": "$HOME ${HOME} $$ `id`",
    "BACKSLASHES": r"a\b \\ \% \\% \n",
    "SIGNS": ";&|<>#*?~é",
    "NOTHING": "",
}


def knows_how_to_check():
    """`-n` is something else in other crons than Debian's."""
    if shutil.which("crontab") is None:
        return False
    return "-n\t(dry run" in subprocess.run(["crontab", "-h"], capture_output=True, text=True).stderr


needs_crontab = pytest.mark.skipif(not knows_how_to_check(), reason="there is no crontab that can check a file")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "my site 100%")


@pytest.fixture
def local(site, tmp_path):
    """All that one can ask for, with a blank and a percent sign wherever they may be."""
    (tmp_path / "the env 5%").write_text("OF_FILE='a  $b'\n")
    return LocalProject(
        directory=site.directory,
        words=(str(site.python), "manage.py"),
        options=("--settings", "my.settings"),
        environment=tuple(VALUES.items()),
        env_file=tmp_path / "the env 5%",
        log=tmp_path / "the log 5%",
    )


def problems_of_cron(tmp_path, text):
    (tmp_path / "crontab").write_text(text)
    done = subprocess.run(["crontab", "-n", str(tmp_path / "crontab")], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def as_cron_hands_on(line):
    """What Debian's cron gives to the shell: in a command, a backslash is for a percent sign or another backslash."""
    command = line.rstrip("\n").split(" ", 5)[5]
    assert not re.search(r"(?<!\\)(\\\\)*%", command), "all after it would be the standard input"
    return re.sub(r"\\([%\\])", r"\1", command)


def as_another_cron_hands_on(line):
    """For cronie and others, a backslash is for a percent sign alone."""
    return as_cron_hands_on(re.sub(r"\\\\", r"\\\\\\\\", line))


@needs_crontab
@pytest.mark.parametrize("name", ["crontab", "cpanel"])
@pytest.mark.parametrize("minutes", SOME_MINUTES)
def test_cron_takes_the_line(name, minutes, local, tmp_path):
    line = config(name, minutes, local=local).output
    assert line.startswith(f"{as_cron(minutes)} cd ")
    assert problems_of_cron(tmp_path, line) == ""


@needs_crontab
@pytest.mark.parametrize("name", ["crontab", "cpanel"])
def test_cron_refuses_a_broken_line(name, tmp_path):
    assert "bad minute" in problems_of_cron(tmp_path, broken(config(name, 5).output, "*/5", "61"))
    assert "missing newline" in problems_of_cron(tmp_path, config(name).output.rstrip("\n"))


@pytest.mark.parametrize("name", ["crontab", "cpanel"])
@pytest.mark.parametrize("cron", [as_cron_hands_on, as_another_cron_hands_on])
def test_the_command_of_the_line_gets_its_arguments_and_variables_as_they_were_given(name, cron, local, site):
    command = cron(config(name, local=local).output)
    done = subprocess.run(["/bin/sh", "-c", command], env={"PATH": "/nowhere"}, cwd="/", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_it_was_told(site, VALUES | {"OF_FILE": "a  $b"})
    assert local.log.read_text() == "printed\nan error\n"


def assert_it_was_told(site, variables):
    seen = site.seen()
    assert seen["python"] == str(site.python)
    assert seen["arguments"][0] == "run_due_tasks"
    assert seen["arguments"][-2:] == ["--settings", "my.settings"]
    assert {name: seen["environment"].get(name) for name in variables} == variables


def test_a_percent_sign_that_cron_would_take_for_an_end_is_found(local):
    with pytest.raises(AssertionError, match="standard input"):
        as_cron_hands_on(broken(config("crontab", local=local).output, r"\%", "%"))


def analyze(*words):
    """https://www.freedesktop.org/software/systemd/man/latest/systemd-analyze.html"""
    return subprocess.run(
        ["systemd-analyze", *words], env={**os.environ, "SYSTEMD_COLORS": "0"}, capture_output=True, text=True
    )


def write(directory, files):
    for path, text in files.items():
        (directory / path).write_text(text)
    return [str(directory / path) for path in files]


def problems_of_systemd(directory, files):
    done = analyze("verify", "--man=no", "--recursive-errors=yes", *write(directory, files))
    return done.stderr or ("refused" if done.returncode else "")


def as_systemd_understands(directory, files, monkeypatch):
    """Of the lines of what it would start, as it tells them when it is asked for more words."""
    monkeypatch.setenv("SYSTEMD_LOG_LEVEL", "debug")
    lines = analyze("verify", "--man=no", write(directory, files)[0]).stdout.splitlines()
    return [line.lstrip("\t").partition(": ")[::2] for line in lines]


def with_this_python(site):
    return LocalProject(directory=site.directory, words=(str(site.python), "manage.py"))


@needs_systemd
@pytest.mark.parametrize("minutes", SOME_MINUTES)
def test_systemd_takes_the_units(minutes, local, tmp_path):
    assert problems_of_systemd(tmp_path, config("systemd", minutes, local=local).files) == ""


@needs_systemd
def test_systemd_takes_the_units_of_a_plain_project(site, tmp_path):
    assert problems_of_systemd(tmp_path, config("systemd", local=with_this_python(site)).files) == ""


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "old", "new", "problem"),
    [
        ("service", "TimeoutStopSec", "TimeoutStratSec", "Unknown key"),
        ("service", "WorkingDirectory=/", "WorkingDirectory=", "not absolute"),
        ("service", "KillMode=mixed", "KillMode=mix", "ignoring: mix"),
        ("service", "ExecStart=", "ExecStart=/nowhere", "not executable"),
        ("timer", "OnCalendar=*:0/5", "OnCalendar=*/5 * * * *", "Failed to parse calendar"),
    ],
)
def test_systemd_refuses_a_broken_unit(unit, old, new, problem, site, tmp_path):
    files = config("systemd", 5, local=LocalProject(directory=site.directory, words=("/bin/sh",))).files
    name = f"site-run-due-tasks.{unit}"
    assert problem in problems_of_systemd(tmp_path, {**files, name: broken(files[name], old, new)})


@needs_systemd
@pytest.mark.parametrize("minutes", INTERVALS["systemd"])
def test_systemd_can_read_the_calendar(minutes):
    done = analyze("calendar", as_calendar(minutes))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"OnCalendar={as_calendar(minutes)}\n" in config("systemd", minutes).files["mysite-run-due-tasks.timer"]


@needs_systemd
@pytest.mark.parametrize("calendar", ["*:0/61", as_cron(5)])
def test_systemd_cannot_read_another_calendar(calendar):
    assert analyze("calendar", calendar).returncode == 1


@needs_systemd
def test_systemd_understands_the_service_as_it_was_meant(local, tmp_path, monkeypatch):
    files = config("systemd", local=local).files
    understood = as_systemd_understands(tmp_path, files, monkeypatch)
    assert [value for name, value in understood if name == "Environment"] == [f"{n}={v}" for n, v in VALUES.items()]
    told = dict(understood)
    assert told["WorkingDirectory"] == str(local.directory)
    assert told["EnvironmentFile"] == str(local.env_file)
    assert told["StandardOutputFileToAppend"] == str(local.log)
    assert told["Description"] == f"Run the due tasks of {local.directory}"
    assert words_of(told["Command Line"]) == [*local.words, "run_due_tasks", "--max-seconds", "55", *local.options]


def words_of(command_line):
    return [word.replace(r"\$", "$") for word in shlex.split(command_line)]


@needs_systemd
@pytest.mark.parametrize("name", ["a$b", "${HOME}", "a;b", "#"])
def test_systemd_takes_a_project_of_another_name(name, tmp_path, monkeypatch):
    site = Site(tmp_path / name)
    files = config("systemd", local=with_this_python(site)).files
    assert problems_of_systemd(tmp_path, files) == ""
    told = dict(as_systemd_understands(tmp_path, files, monkeypatch))
    assert told["WorkingDirectory"] == str(site.directory)
    assert words_of(told["Command Line"])[0] == str(site.python)
