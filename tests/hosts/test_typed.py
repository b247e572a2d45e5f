"""What is typed does as it is meant: the programs of the hosts get these words."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from django_tasks_oneshot.hosts.budget import budget
from django_tasks_oneshot.hosts.interval import as_cron
from django_tasks_oneshot.hosts.local import LocalProject

from . import validators, words
from .programs import Programs, Site
from .rendered import HOSTS, INTERVALS, LOCAL, broken, config, few, file, typed
from .schemas import CRON_JOB_ORG

SECRET = "s3cret-of_16-signs"
#: With all that a shell makes something of.
URL = r"""https://example.com/tasks/run/?a=$b&c='d'&e="f"&g=`h`&i=100%&j=\k;l={1,2}&m=*"""
ALL = {"hours": 24, "minutes": 60}
RUN = "https://run.googleapis.com/v2/projects/PROJECT/locations/REGION/jobs/mysite-run-due-tasks:run"


@pytest.fixture
def calls(tmp_path):
    """Of the programs, when a shell runs the text."""
    programs = Programs(tmp_path, "gcloud", "curl", "fly", "heroku", "pa", "az", "python")

    def calls(script, **options):
        return programs.run(script, TICK_SECRET=SECRET, CRON_JOB_ORG_API_KEY="the key", **options)

    return calls


def url_of(name, minutes):
    return f"{URL}&max_seconds={budget(HOSTS[name], minutes).max_seconds:g}"


def command_of(name, minutes):
    return ["python", "manage.py", "run_due_tasks", *budget(HOSTS[name], minutes).options.split()]


def problems_of_job(job):
    deadline = job.get("attemptDeadline", "180s")
    too_long = [] if deadline in {f"{seconds}s" for seconds in range(15, 1801)} else [f"attemptDeadline: {deadline}"]
    return too_long + validators.against(validators.of_google("cloudscheduler.v1", "Job"), job)


@pytest.mark.parametrize("minutes", few("appengine"))
def test_appengine_makes_a_job_of_cloud_scheduler_that_knows_the_secret(minutes, calls):
    (call,) = calls(config("appengine", minutes, url=URL).output)
    job = words.scheduler_job(call.words)
    assert problems_of_job(job) == []
    assert (job["schedule"], job["retryConfig"]) == (as_cron(minutes), {"retryCount": 0})
    assert job["httpTarget"] == {
        "uri": url_of("appengine", minutes),
        "httpMethod": "POST",
        "headers": {"Authorization": f"Bearer {SECRET}"},
    }


@pytest.mark.parametrize("deadline", ["1801s", "180", "3m"])
def test_a_deadline_that_cloud_scheduler_would_refuse_is_found(deadline, calls):
    (call,) = calls(broken(config("appengine").output, "180s", deadline))
    assert problems_of_job(words.scheduler_job(call.words)) != []


@pytest.mark.parametrize("minutes", few("cloudrun"))
def test_cloudrun_replaces_the_job_and_makes_one_of_cloud_scheduler_that_starts_it(minutes, calls):
    rendered = config("cloudrun", minutes)
    replaced, created = calls(typed(rendered.steps))
    assert words.gcloud_run().read(replaced.words)["file"] in rendered.files
    job = words.scheduler_job(created.words)
    assert problems_of_job(job) == []
    assert job["schedule"] == as_cron(minutes)
    oauth = {"serviceAccountEmail": "ACCOUNT"}
    assert job["httpTarget"] == {"uri": RUN, "httpMethod": "POST", "oauthToken": oauth}


def test_azure_makes_a_job_of_the_file(calls):
    rendered = config("azure-container-apps")
    (call,) = calls(typed(rendered.steps))
    assert words.az().read(call.words)["yaml"] in rendered.files


@pytest.mark.parametrize("minutes", INTERVALS["fly"])
def test_fly_starts_a_machine_of_the_image_with_the_command(minutes, calls):
    (call,) = calls(config("fly", minutes, image="registry.fly.io/my site:1").output)
    assert words.fly().read(call.words) == {
        "image": "registry.fly.io/my site:1",
        "schedule": "daily" if minutes == 1440 else "hourly",
        "restart": "no",
        "command": command_of("fly", minutes),
    }


@pytest.mark.parametrize("minutes", INTERVALS["heroku"])
def test_heroku_adds_its_scheduler_and_the_steps_have_the_command(minutes, calls):
    rendered = config("heroku", minutes)
    created, opened = (words.heroku().read(call.words) for call in calls(rendered.output))
    assert created == {"what": "addons:create", "addon": "scheduler:standard"}
    assert opened == {"what": "addons:open", "addon": "scheduler"}
    assert shlex.split(typed(rendered.steps)) == command_of("heroku", minutes)


@pytest.mark.parametrize("minutes", few("cron-job-org"))
def test_cron_job_org_gets_a_job_that_posts_with_the_secret(minutes, calls):
    (call,) = calls(config("cron-job-org", minutes, url=URL).output)
    request = words.curl().read(call.words)
    assert (request["request"], request["url"], request["data"]) == ("PUT", "https://api.cron-job.org/jobs", "@-")
    assert request["header"] == ["Authorization: Bearer the key", "Content-Type: application/json"]
    sent = json.loads(call.stdin)
    assert validators.against(CRON_JOB_ORG, sent) == []
    assert sent["job"]["url"] == url_of("cron-job-org", minutes)
    assert sent["job"]["requestMethod"] == 1
    assert sent["job"]["extendedData"]["headers"] == {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize("minutes", INTERVALS["cron-job-org"])
def test_cron_job_org_calls_as_often_as_was_asked_for(minutes, calls):
    (call,) = calls(config("cron-job-org", minutes).output)
    schedule = json.loads(call.stdin)["job"]["schedule"]
    hours, in_each = ([*range(count)] if schedule[name] == [-1] else schedule[name] for name, count in ALL.items())
    starts = [60 * hour + minute for hour in hours for minute in in_each]
    assert starts == [*range(0, 1440, minutes)]


@pytest.mark.parametrize(
    ("old", "new"),
    [('"minutes": [-1]', '"minutes": [60]'), ('"url"', '"uri"'), ('"wdays"', '"days"'), ("1,", '"POST",')],
)
def test_a_job_that_cron_job_org_would_refuse_is_found(old, new, calls):
    (call,) = calls(broken(config("cron-job-org").output, old, new))
    assert validators.against(CRON_JOB_ORG, json.loads(call.stdin)) != []


@pytest.mark.parametrize("minutes", few("github-actions"))
def test_github_actions_posts_with_the_secret_and_waits_for_the_run(minutes, calls):
    text = file("github-actions", minutes, url=URL)
    (step,) = validators.read(text)["jobs"]["run-due-tasks"]["steps"]
    assert step["env"] == {"TICK_SECRET": "${{ secrets.TICK_SECRET }}"}
    (call,) = calls(step["run"], shell="/bin/bash")
    request = words.curl().read(call.words)
    assert (request["request"], request["url"]) == ("POST", url_of("github-actions", minutes))
    assert request["header"] == [f"Authorization: Bearer {SECRET}"]
    assert budget(HOSTS["github-actions"], minutes).max_seconds < request["max_time"] < 600


@pytest.mark.parametrize("minutes", few("clevercloud"))
def test_the_script_for_clevercloud_runs_the_command_in_the_application(minutes, calls, tmp_path):
    script = config("clevercloud", minutes).files["clevercloud/run_due_tasks.sh"]
    assert script.startswith("#!/bin/bash -l\n")  # else without the environment
    (call,) = calls(script, shell="/bin/bash", APP_HOME=str(tmp_path))
    assert call.words == command_of("clevercloud", minutes)


@pytest.mark.parametrize(
    ("name", "old", "new", "reader"),
    [
        ("appengine", "--schedule", "--cron", words.gcloud_scheduler),
        ("appengine", "POST", "FETCH", words.gcloud_scheduler),
        ("fly", "hourly", "minutely", words.fly),
        ("fly", " -- ", " ", words.fly),
        ("heroku", "addons:create", "addon:create", words.heroku),
        ("cron-job-org", "--data", "--body", words.curl),
    ],
)
def test_words_that_a_program_does_not_know_are_found(name, old, new, reader, calls):
    call, *_ = calls(broken(config(name).output, old, new))
    with pytest.raises(ValueError, match=r"unrecognized|invalid choice|required"):
        reader().read(call.words)


@pytest.fixture
def asked(monkeypatch):
    """What the client of PythonAnywhere asks its API for."""
    schedule = pytest.importorskip("pythonanywhere_core.schedule")
    monkeypatch.setenv("API_TOKEN", "a token")
    monkeypatch.setenv("PYTHONANYWHERE_USERNAME", "me")
    asked = []

    def call_api(url, method, json=None):
        asked.append(json)
        task = {"id": 1, "hour": None, "printable_time": "", "logfile": "", "can_enable": True, "expiry": None}
        return SimpleNamespace(status_code=201, ok=True, json=lambda: {**task, "extend_url": "", **json})

    monkeypatch.setattr(schedule, "call_api", call_api)
    return asked


def pa(arguments):
    """The client's own command line."""
    app, runner = pytest.importorskip("cli.pa").app, pytest.importorskip("typer.testing").CliRunner()
    return runner.invoke(app, arguments).exit_code


@pytest.mark.parametrize("minutes", INTERVALS["pythonanywhere"])
def test_pythonanywhere_makes_a_task_that_runs_the_command_with_its_variables(minutes, calls, asked, tmp_path):
    site = Site(tmp_path / "my site 100%")
    words = (str(site.python), "manage.py")
    values = {"QUOTES": """it's "so" """, "DOLLAR": "$HOME `id`", "BACKSLASH": r"a\\b", "PERCENT": "100%"}
    local = LocalProject(directory=site.directory, words=words, environment=tuple(values.items()))
    (call,) = calls(config("pythonanywhere", minutes, local=local).output)
    assert pa(call.words[1:]) == 0
    (task,) = asked
    when = {"interval": "daily", "hour": 0} if minutes == 1440 else {"interval": "hourly"}
    assert task == {"command": task["command"], "enabled": True, "minute": 0, **when}
    subprocess.run(["/bin/sh", "-c", task["command"]], cwd="/", check=True, capture_output=True)
    seen = site.seen()
    assert seen["arguments"] == command_of("pythonanywhere", minutes)[2:]
    assert {name: seen["environment"][name] for name in values} == values


@pytest.mark.parametrize(("old", "new"), [("--minute 0", "--minute 60"), ("--minute 0", ""), ("set", "create")])
def test_pythonanywhere_refuses_another_task(old, new, calls, asked):
    local = replace(LOCAL, options=())
    (call,) = calls(broken(config("pythonanywhere", local=local).output, old, new))
    assert pa(call.words[1:]) == 2
    assert asked == []
