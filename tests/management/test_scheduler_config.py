from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from django_tasks_oneshot.hosts.table import all_hosts
from tests.conftest import MANAGE

URL = "https://example.com/tasks/run/"
MARK = f"# django-tasks-oneshot: {MANAGE.parent}"

# What Debian's does with the arguments that we give it.
CRONTAB = """#!/bin/sh
file="$CRONTAB_FILE"
[ "$1" = -l ] && echo "$CRONTAB_NOHEADER" > "$file.header"
[ "$1" = -l ] && [ -n "$CRONTAB_FAILS" ] && echo "you may not use it" >&2 && exit 1
[ "$1" = -l ] && [ ! -e "$file" ] && echo "no crontab for www" >&2 && exit 1
[ "$1" = -l ] && exec cat "$file"
cat > "$file.new"
grep -q refused "$file.new" && echo "errors in crontab file, can't install." >&2 && exit 1
mv "$file.new" "$file"
"""


class Project:
    """The test's project, with files and a crontab in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.crontab = directory / "crontab of www"
        programs = directory / "bin"
        programs.mkdir()
        (programs / "crontab").write_text(CRONTAB)
        (programs / "crontab").chmod(0o755)
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "CRONTAB_FILE": str(self.crontab),
            "PATH": f"{programs}:{os.environ['PATH']}",
        }

    def __call__(self, *arguments, code=0, text="", **environment):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(MANAGE), "scheduler_config", *arguments],
            env={**self.environment, **environment},
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        return done

    def refuses(self, *arguments, code=2, **options):
        return self(*arguments, code=code, **options).stderr.removeprefix("CommandError: ")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


class TestList:
    def test_shows_each_host_with_a_source(self, project):
        heading, *rows = project("--list").stdout.splitlines()
        assert heading.split()[:3] == ["HOST", "STARTS", "INTERVAL"]
        assert [row.split()[0] for row in rows] == list(all_hosts())
        assert all(row.split()[-1].startswith("https://") for row in rows)

    def test_tells_all_facts_as_json(self, project):
        rows = json.loads(project("--list", "--format", "json").stdout)
        heroku = next(row for row in rows if row["name"] == "heroku")
        assert heroku["intervals"] == [10, 60, 1440]
        assert heroku["budget"] == {"max_seconds": 565, "grace_seconds": 25}
        assert heroku["checked"] == "2026-11-29"
        assert next(row for row in rows if row["name"] == "lambda")["budget"] is None


class TestPrint:
    def test_one_file_can_be_piped_to_who_reads_it(self, project):
        done = project("scalingo")
        command = json.loads(done.stdout)["jobs"][0]["command"]
        assert command == "*/10 * * * * python manage.py run_due_tasks --max-seconds 565 --grace-seconds 25"
        assert done.stderr.startswith("Commit it")

    def test_several_have_their_names(self, project):
        stdout = project("clevercloud").stdout
        assert stdout.startswith('# clevercloud/cron.json\n["* * * * * $ROOT/')
        assert "\n# clevercloud/run_due_tasks.sh\n#!/bin/bash -l\n" in stdout

    def test_without_words(self, project):
        assert project("scalingo", "-v", "0").stderr == ""

    def test_another_interval_has_another_budget(self, project):
        assert (
            "0 * * * * python manage.py run_due_tasks --max-seconds 3565"
            in project("scalingo", "--interval", "60").stdout
        )

    def test_a_url_is_told_how_long_its_run_may_take(self, project):
        assert f"{URL}?max_seconds=20" in project("cron-job-org", "--url", URL).stdout
        assert f"{URL}?queue=mail&max_seconds=20" in project("cron-job-org", "--url", f"{URL}?queue=mail").stdout

    def test_vercel_needs_no_more_than_the_path(self, project):
        (cron,) = json.loads(project("vercel").stdout)["crons"]
        assert cron == {"path": "/tasks/run/?max_seconds=50", "schedule": "* * * * *"}

    def test_it_is_told_where_the_settings_give_a_run_less_than_the_host(self, project):
        assert "A run takes 25 seconds at most, as ONESHOT['TICK_MAX_SECONDS'] says." in project("vercel").stderr
        assert "TICK_MAX_SECONDS" not in project("vercel", ONESHOT_TICK_MAX_SECONDS="50").stderr

    def test_an_image(self, project):
        assert 'image: "registry/site:1"' in project("kubernetes", "--image", "registry/site:1").stdout

    def test_what_is_started_on_this_machine_has_absolute_paths_settings_and_variables(self, project):
        stdout = project(
            "crontab", "--env", "STAGE=a b%", "--env-file", "/etc/site.env", "--log", "/var/log/runs"
        ).stdout
        assert stdout == (
            f"* * * * * cd {MANAGE.parent} && set -a && . /etc/site.env && set +a && STAGE='a b\\%' {sys.executable} "
            "manage.py run_due_tasks --max-seconds 55 --settings tests.project.settings >> /var/log/runs 2>&1 "
            f"{MARK}\n"
        )

    def test_without_a_manage_py_it_is_started_by_django_itself(self, project):
        done = subprocess.run(
            [sys.executable, "-m", "django", "scheduler_config", "crontab"],
            env=project.environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        root = Path(__file__).parents[2]
        assert done.stdout == (
            f"* * * * * cd {root} && {sys.executable} -m django run_due_tasks --max-seconds 55 "
            f"--settings tests.project.settings --pythonpath {root} # django-tasks-oneshot: {root}\n"
        )


class TestBadArguments:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "Say which HOST; --list shows all."),
            (["myspace"], "invalid choice: 'myspace'"),
            (["heroku", "--interval", "5"], "--interval 5: Heroku Scheduler has only 10 or 60 or 1440 minutes."),
            (["railway", "--interval", "1"], "--interval 1: Railway cron job takes 5 minutes or more."),
            (
                ["crontab", "--interval", "7"],
                "--interval 7 cannot be said in a crontab line; write what divides an hour",
            ),
            (["crontab", "--interval", "0"], "0 is not a number of minutes above 0; write 5, or 60 for an hour."),
            (["crontab", "--interval", "5m"], "5m is not a number of minutes above 0"),
            (["cron-job-org"], "cron-job.org needs --url https://YOUR-SITE/tasks/run/"),
            (["cron-job-org", "--url", "/tasks/run/"], "/tasks/run/ is no URL; write https://example.com/tasks/run/."),
            (["cron-job-org", "--url", "https://a b/"], "is no URL"),
            (["heroku", "--install"], "--install is for crontab and cpanel."),
            (["systemd", "--remove"], "--remove is for crontab and cpanel."),
            (
                ["heroku", "--log", "x"],
                "--log is for crontab, cpanel, systemd, pythonanywhere; on heroku the host knows",
            ),
            (["heroku", "--env-file", "x"], "--env-file is for crontab"),
            (["crontab", "--env", "STAGE"], "'STAGE' is no variable; write NAME=VALUE."),
            (["crontab", "--env", "A B=C"], "'A B=C' is no variable; write NAME=VALUE."),
            (["crontab", "--env", "A=" + "x" * 1000], "and cron takes 998"),
            (["crontab", "--mailto", "a@example.com"], "--mailto is for --install"),
            (["crontab", "--install", "--mailto", "a b"], "'a b' is no address for cron"),
            (["heroku", "--write"], "Heroku Scheduler has no file; leave out --write, and type what is printed."),
            (["scalingo", "--write", "--check"], "not allowed with argument"),
        ],
    )
    def test_get_a_sentence(self, project, arguments, sentence):
        assert sentence in project.refuses(*arguments)

    def test_a_project_without_the_url_is_told_what_to_write(self, project, tmp_path):
        (tmp_path / "bare.py").write_text("from tests.project.settings import *\nROOT_URLCONF = 'bare_urls'\n")
        (tmp_path / "bare_urls.py").write_text("urlpatterns = []\n")
        told = project.refuses("vercel", PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="bare")
        assert 'write path("tasks/", include("django_tasks_oneshot.urls")) into its URLconf, or say --url.' in told


class TestFiles:
    def write(self, project, *arguments, **options):
        return project("clevercloud", "--write", "--directory", str(project.directory), *arguments, **options)

    def check(self, project, **options):
        return project("clevercloud", "--check", "--directory", str(project.directory), **options)

    def test_are_written_where_they_belong_and_scripts_can_be_started(self, project):
        script = project.directory / "clevercloud/run_due_tasks.sh"
        stdout = self.write(project).stdout
        assert f"Written: {script}\n" in stdout
        assert os.access(script, os.X_OK)
        assert json.loads((project.directory / "clevercloud/cron.json").read_text())
        assert sorted(path.name for path in (project.directory / "clevercloud").iterdir()) == ["cron.json", script.name]

    def test_again_writes_nothing(self, project):
        self.write(project)
        assert self.write(project).stdout == ""

    def test_other_files_of_the_name_are_kept_and_nothing_is_written(self, project):
        (project.directory / "clevercloud").mkdir()
        (project.directory / "clevercloud/cron.json").write_text('["0 3 * * * mine"]')
        told = self.write(project, code=1).stderr
        assert "Nothing was written: clevercloud/cron.json is there, with another content." in told
        assert [path.name for path in (project.directory / "clevercloud").iterdir()] == ["cron.json"]
        self.write(project, "--force")
        self.check(project)

    def test_a_place_that_cannot_be_written_is_told(self, project):
        (project.directory / "clevercloud").write_text("no directory")
        assert "Nothing was written" in self.write(project, code=1).stderr

    def test_are_checked(self, project):
        assert "Not as they would be written: clevercloud/cron.json, clevercloud" in self.check(project, code=1).stderr
        self.write(project)
        done = self.check(project)
        assert (done.stdout, done.stderr) == ("", "")
        (project.directory / "clevercloud/cron.json").write_bytes(b"\xff")
        assert "Not as they would be written: clevercloud/cron.json." in self.check(project, code=1).stderr


class TestCrontab:
    install = ("crontab", "--install")

    def test_is_shown_and_written_when_somebody_says_yes(self, project):
        project.crontab.write_text("0 3 * * * backup\n")
        done = project(*self.install, text="y\n")
        line = project.crontab.read_text().removeprefix("0 3 * * * backup\n")
        assert line.endswith(f"{MARK}\n")
        assert f" 0 3 * * * backup\n+{line}" in done.stdout
        assert "Write it? [y/N] " in done.stdout

    @pytest.mark.parametrize(
        ("answer", "sentence"), [("n\n", "Nothing was written."), ("\n", "Nothing"), ("", "nobody answers")]
    )
    def test_is_not_written_otherwise(self, project, answer, sentence):
        assert sentence in project.refuses(*self.install, text=answer, code=1)
        assert not project.crontab.exists()

    def test_nobody_is_asked_with_no_input(self, project):
        project(*self.install, "--no-input")
        assert project.crontab.read_text().count(MARK) == 1

    def test_again_it_needs_no_change(self, project):
        project(*self.install, "--no-input")
        assert project(*self.install).stdout == "The crontab needs no change.\n"

    def test_with_another_interval_the_line_is_another(self, project):
        project(*self.install, "--no-input")
        project("cpanel", "--install", "--no-input")
        assert project.crontab.read_text().startswith("*/15 * * * * cd ")
        assert project.crontab.read_text().count("\n") == 1

    def test_is_as_before_when_the_line_is_removed(self, project):
        before = b"MAILTO=a\n\n# caf\xe9\n* * * * * echo '\\%'\x0b\r\n"
        project.crontab.write_bytes(before)
        project(*self.install, "--no-input", "--mailto", "")
        assert b'\nMAILTO=""\n' in project.crontab.read_bytes()
        project("crontab", "--remove", "--no-input", "-v", "0")
        assert project.crontab.read_bytes() == before
        assert project("crontab", "--remove").stdout == "The crontab needs no change.\n"

    def test_that_cannot_be_read_is_not_written(self, project):
        told = project.refuses(*self.install, "--no-input", code=1, CRONTAB_FAILS="1")
        assert told == "`crontab -l` failed: you may not use it\n"
        assert not project.crontab.exists()

    def test_that_is_refused_is_as_before(self, project):
        told = project.refuses(*self.install, "--no-input", "--env", "A=refused", code=1)
        assert told == "`crontab` has refused it, and nothing was written: errors in crontab file, can't install.\n"
        assert not project.crontab.exists()

    def test_that_somebody_changes_meanwhile_is_kept(self, project):
        (project.directory / "bin" / "crontab").write_text(
            CRONTAB.replace("exec cat", 'cat "$file" && echo "# edited" >> "$file" && exit 0 && exec cat')
        )
        project.crontab.write_text("0 3 * * * backup\n")
        told = project.refuses(*self.install, "--no-input", code=1)
        assert "Somebody has changed the crontab meanwhile. Nothing was written" in told
        assert MARK not in project.crontab.read_text()

    def test_where_there_is_no_cron_it_is_told(self, project, tmp_path):
        told = project.refuses(*self.install, "--no-input", code=1, PATH=str(tmp_path))
        assert told.startswith("There is no `crontab` here")

    def test_is_read_without_the_header_that_would_be_written_again(self, project):
        project(*self.install, "--no-input", CRONTAB_NOHEADER="N")
        assert Path(f"{project.crontab}.header").read_text() == "Y\n"
