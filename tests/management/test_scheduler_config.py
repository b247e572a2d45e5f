from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from django_tasks_oneshot.hosts.table import all_hosts
from tests.conftest import MANAGE

ROOT = Path(__file__).parents[2]
URL = "https://example.com/tasks/run/"
MARK = f"# django-tasks-oneshot: {MANAGE.parent} tests.project.settings"

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
    def test_shows_each_host(self, project):
        heading, *rows = project("--list").stdout.splitlines()
        assert heading.split()[:3] == ["HOST", "STARTS", "MINUTES"]
        assert [row.split()[0] for row in rows[:-2]] == list(all_hosts())
        assert rows[-1] == "* is not in its documentation. Where the facts are from: scheduler_config --list HOST"

    def test_shows_all_of_one(self, project):
        stdout = project("--list", "Scalingo").stdout
        assert stdout.startswith("Scalingo Scheduler\n")
        assert "overlap         overlaps: if another is there when one is due, it runs beside it\n" in stdout
        assert "options         --max-seconds 565 --grace-seconds 25\n" in stdout
        assert "not documented  grace seconds, recognised by\n" in stdout
        assert "sources         https://doc.scalingo.com/" in stdout

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
        assert stdout.startswith('=== clevercloud/cron.json\n["* * * * * $ROOT/')
        assert "\n\n=== clevercloud/run_due_tasks.sh\n#!/bin/bash -l\n" in stdout

    def test_without_words(self, project):
        assert project("scalingo", "-v", "0").stderr == ""

    def test_another_interval_has_another_budget(self, project):
        assert (
            "0 * * * * python manage.py run_due_tasks --max-seconds 3565"
            in project("scalingo", "--interval", "60").stdout
        )

    def test_a_url_is_told_how_long_its_run_may_take(self, project):
        assert f"{URL}?max_seconds=20" in project("cron-job-org", "--url", URL).stdout
        assert f"{URL}?max_seconds=7" in project("cron-job-org", "--url", f"{URL}?max_seconds=7").stdout
        assert f"{URL}?queue=mail&max_seconds=20" in project("cron-job-org", "--url", f"{URL}?queue=mail").stdout

    def test_vercel_needs_no_more_than_the_path(self, project):
        (cron,) = json.loads(project("vercel", "--url", "HTTPS://example.com/tasks/run/").stdout)["crons"]
        assert cron["path"] == "/tasks/run/?max_seconds=50"
        (cron,) = json.loads(project("vercel").stdout)["crons"]
        assert cron == {"path": "/tasks/run/?max_seconds=50", "schedule": "* * * * *"}

    def test_it_is_told_where_the_settings_give_a_run_less_than_the_host(self, project):
        assert "A run takes 25 seconds at most, as ONESHOT['TICK_MAX_SECONDS'] says." in project("vercel").stderr
        assert "TICK_MAX_SECONDS" not in project("vercel", ONESHOT_TICK_MAX_SECONDS="50").stderr

    def test_an_image(self, project):
        assert 'image: "registry/site:1"' in project("kubernetes", "--image", "registry/site:1").stdout

    def test_a_job_has_the_name_of_its_project_so_that_two_are_two(self, project):
        assert "\n  name: tests-run-due-tasks\n" in project("kubernetes").stdout
        assert "\n  name: shop-tasks\n" in project("kubernetes", "--name", "shop-tasks").stdout

    def test_what_is_left_to_do_is_no_error(self, project):
        assert "\x1b[" not in project("heroku", "--force-color").stderr

    def test_what_is_started_on_this_machine_has_absolute_paths_settings_and_variables(self, project, tmp_path):
        variables, log = tmp_path / ".env", tmp_path / "log"
        variables.write_text("SECRET_KEY='a$b#c(d'\n")
        stdout = project("crontab", "--env", "STAGE=a b%", "--env-file", str(variables), "--log", str(log)).stdout
        assert stdout == (
            f"* * * * * cd {MANAGE.parent} && set -a && . {variables} && set +a && STAGE='a b\\%' {sys.executable} "
            f"manage.py run_due_tasks --max-seconds 55 --settings tests.project.settings >> {log} 2>&1 {MARK}\n"
        )

    @pytest.mark.parametrize("python_path", [(), ("--pythonpath", str(ROOT))])
    def test_without_a_manage_py_it_is_started_by_django_itself_from_where_the_settings_are(
        self, project, tmp_path, python_path
    ):
        done = subprocess.run(
            [sys.executable, "-m", "django", "scheduler_config", "crontab", *python_path],
            env={**project.environment, "PYTHONPATH": "" if python_path else str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == (
            f"* * * * * cd {ROOT} && {sys.executable} -m django run_due_tasks --max-seconds 55 "
            f"--settings tests.project.settings --pythonpath {ROOT} # django-tasks-oneshot: {ROOT} "
            "tests.project.settings\n"
        )

    def test_units_of_systemd_are_written_where_it_looks_for_them(self, project, tmp_path):
        stdout = project("systemd", "--write", HOME=str(tmp_path)).stdout
        assert f"Written: {tmp_path}/.config/systemd/user/tests-run-due-tasks.timer\n" in stdout


class TestBadArguments:
    def test_a_host_without_a_crontab_does_not_mind_how_long_a_line_of_it_would_be(self, project):
        assert "A=xxx" in project("systemd", "--env", f"A={'x' * 1000}").stdout

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "Say which HOST; --list shows all."),
            (["myspace"], "myspace is not known; write one of: crontab, systemd,"),
            (["heroku", "--interval", "5"], "--interval 5: Heroku Scheduler has only these: 10, 60, 1440."),
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
            (["heroku", "--write"], "Heroku Scheduler has no file. Type what is printed without this option."),
            (["crontab", "--check"], "cron has no file. Use --install."),
            (["cron-job-org", "--url", "https://example.com/"], "runs are at https://YOUR-SITE/tasks/run/"),
            (["vercel", "--url", "https://example.com/tasks/run"], "runs are at https://YOUR-SITE/tasks/run/"),
            (
                ["kubernetes", "--name", "My Site"],
                "My Site is no name for all hosts; write letters, digits",
            ),
            (["systemd", "--log", "/tmp/a\nExecStartPre=/bin/evil"], "cannot be written into a configuration"),
            (["systemd", "--log", "/tmp/a\\"], "cannot be written into a configuration"),
            (["systemd", "--env", "A=b\nc"], "is no variable; write NAME=VALUE."),
            (["kubernetes", "--image", "a\x7fb"], "is no image; write registry.example.com/mysite:1."),
            (["crontab", "--env-file", "/nowhere/.env"], "--env-file /nowhere/.env: there is no such file."),
            (["crontab", "--log", "/nowhere/log"], "--log /nowhere/log: there is no directory /nowhere."),
            (["scalingo", "--write", "--check"], "not allowed with argument"),
        ],
    )
    def test_get_a_sentence(self, project, arguments, sentence):
        assert sentence in project.refuses(*arguments)

    def test_an_env_file_that_no_shell_can_read_is_told(self, project, tmp_path):
        (tmp_path / ".env").write_text("SECRET_KEY=a$b#c(d\n")
        told = project.refuses("crontab", "--env-file", str(tmp_path / ".env"))
        assert told.startswith("--env-file: write NAME='value', for a shell cannot read it:")

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

    def test_a_link_stays_one_and_permissions_stay(self, project):
        (project.directory / "clevercloud").mkdir()
        kept = project.directory / "kept.json"
        kept.write_text("old")
        kept.chmod(0o600)
        (project.directory / "clevercloud/cron.json").symlink_to(kept)
        self.write(project, "--force")
        assert (project.directory / "clevercloud/cron.json").is_symlink()
        assert json.loads(kept.read_text())
        assert kept.stat().st_mode & 0o777 == 0o600

    def test_a_link_that_leads_nowhere_is_not_replaced(self, project):
        (project.directory / "clevercloud").mkdir()
        (project.directory / "clevercloud/cron.json").symlink_to(project.directory / "nowhere")
        assert "cron.json is there, with another content" in self.write(project, code=1).stderr

    def test_all_are_written_or_none(self, project):
        (project.directory / "clevercloud/run_due_tasks.sh").mkdir(parents=True)
        assert "Nothing was written" in self.write(project, "--force", code=1).stderr
        assert [path.name for path in (project.directory / "clevercloud").iterdir()] == ["run_due_tasks.sh"]

    def test_a_place_that_cannot_be_written_is_told(self, project):
        (project.directory / "clevercloud").write_text("no directory")
        assert "Nothing was written" in self.write(project, code=1).stderr

    def test_are_checked(self, project):
        told = self.check(project, code=1).stderr
        assert "clevercloud/cron.json, clevercloud/run_due_tasks.sh: not there. Use --write." in told
        self.write(project)
        done = self.check(project)
        assert (done.stdout, done.stderr) == ("", "")
        (project.directory / "clevercloud/cron.json").write_bytes(b"\xff")
        assert (
            "clevercloud/cron.json: another content. Compare it with what is printed without --check."
            in self.check(project, code=1).stderr
        )


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

    def test_another_line_that_starts_runs_is_told(self, project):
        other = f"* * * * *  cd {MANAGE.parent} && .venv/bin/python manage.py run_due_tasks --max-seconds 55"
        project.crontab.write_text(f"{other}\n# {other}\n0 3 * * * cd {MANAGE.parent} && ./backup\n")
        told = project(*self.install, "--no-input").stderr
        assert told == f"warning: another line starts runs there, too: {other}\n"

    def test_that_cannot_be_read_is_not_written(self, project):
        told = project.refuses(*self.install, "--no-input", code=1, CRONTAB_FAILS="1")
        assert told == "`crontab -l` failed: you may not use it\n"
        assert not project.crontab.exists()

    def test_of_which_nobody_knows_whether_it_is_there_is_not_written(self, project):
        (project.directory / "bin" / "crontab").write_text(
            '#!/bin/sh\necho "cannot create /var/spool/tmp/x: No such file or directory" >&2; exit 1\n'
        )
        told = project.refuses(*self.install, "--no-input", code=1)
        assert told == "`crontab -l` failed: cannot create /var/spool/tmp/x: No such file or directory\n"

    def test_that_is_not_there_is_empty_to_busybox(self, project):
        (project.directory / "bin" / "crontab").write_text(
            CRONTAB.replace("no crontab for www", "crontab: can't open 'www': No such file or directory")
        )
        project(*self.install, "--no-input")
        assert project.crontab.read_text().count(MARK) == 1

    def test_in_another_encoding_can_be_shown(self, project):
        project.crontab.write_bytes(b"# na\xefve\n")
        stdout = project(*self.install, "--no-input", PYTHONIOENCODING="utf-8:strict").stdout
        assert " # na\\xefve\n" in stdout

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
