"""The files are what their hosts take, and a slip in them would be found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import hcl2
import pytest

from terraform import readme
from tests.terraform.terraform import MissingTerraform, Terraform, TerraformError, executable

from . import validators
from .packages import Vercel, app_spec
from .rendered import LOCAL, broken, config, few, file


@pytest.fixture(scope="session")
def vercel(tmp_path_factory):
    return Vercel(tmp_path_factory.mktemp("vercel"))


@pytest.fixture(scope="session")
def digitalocean(tmp_path_factory):
    schema = validators.strict(app_spec(tmp_path_factory.mktemp("digitalocean")))

    def digitalocean(text):
        """And what its schema has no word for: docs.digitalocean.com/products/app-platform/how-to/manage-jobs/"""
        value = validators.read(text)
        (job,) = value["jobs"]
        wrong = [] if job["kind"] == "SCHEDULED" and job["timeout"].endswith("s") else ["kind or timeout"]
        return wrong + validators.against(schema, value)

    return digitalocean


@pytest.fixture
def problems(request, tmp_path):
    """Those of a file, as its host would say."""
    others = {
        "cloudrun": validators.cloudrun,
        "azure-container-apps": validators.azure,
        "kubernetes": validators.kubernetes,
        "upsun": validators.upsun,
        "github-actions": partial(validators.github_actions, directory=tmp_path),
    }

    def problems(name, text):
        if name in ("vercel", "digitalocean"):
            return request.getfixturevalue(name)(text)
        return others.get(name, partial(validators.own, name))(text)

    return problems


def file_of(name, minutes=None):
    """That for the host; Clever Cloud has a script beside it, which is run in test_typed.py."""
    return config(name, minutes).files["clevercloud/cron.json"] if name == "clevercloud" else file(name, minutes)


SLIPS = {
    "cloudrun": [
        ("timeoutSeconds", "timeoutSecs"),
        ("timeoutSeconds: 600", "timeoutSeconds: 600s"),
        ('"295"', "295"),
        ("maxRetries: 0", "maxRetries: none"),
    ],
    "azure-container-apps": [
        ("replicaTimeout", "replicaTimeOut"),
        ("cronExpression", "schedule"),
        ("parallelism: 1", "parallelism: one"),
        ("triggerType: Schedule", "triggerType: Cron"),
        ("Microsoft.App/jobs", "Microsoft.App/job"),
        ('"295"', "295"),
    ],
    "kubernetes": [
        ("startingDeadlineSeconds", "startingDeadlineSecs"),
        ("startingDeadlineSeconds: 60", "startingDeadlineSeconds: 9"),
        ("concurrencyPolicy: Allow", "concurrencyPolicy: Never"),
        ("restartPolicy: Never", "restartPolicy: Always"),
        ("Etc/UTC", "Mars/Olympus"),
        ("name: mysite-run-due-tasks", f"name: {'x' * 53}"),
        ('"55"', "55"),
    ],
    "github-actions": [
        ("timeout-minutes", "timeout-minute"),
        ("runs-on", "run-on"),
        ("permissions: {}", "permissions: no"),
    ],
    "upsun": [("start:", "run:"), ("shutdown_timeout: 10", "shutdown_timeout: ten"), ("spec:", "schedule:")],
    "digitalocean": [
        ("cron:", "crontab:"),
        ("grace_period_seconds: 120", "grace_period_seconds: long"),
        ("run_command", "command"),
        ("SCHEDULED", "CRON"),
    ],
    "vercel": [('"schedule"', '"shedule"'), ('"/tasks', '"tasks'), ('"path"', '"timezone": "UTC", "path"')],
    "render": [("startCommand", "command"), ("runtime: python", "env: python"), ("type: cron", "type: web")],
    "railway": [('"NEVER"', '"never"'), ("cronSchedule", "cron"), ('"30"', "30")],
    "scalingo": [("command", "cmd"), ("*/10 * * * *", "@hourly")],
    "dokku": [('"cron"', '"crons"'), ("schedule", "spec"), ("* * * * *", "* * * *")],
    "clevercloud": [
        ("$ROOT", "${ROOT}"),
        ("$ROOT/clevercloud/run_due_tasks.sh", "bash $ROOT/run"),
        ("* * * * *", "@reboot"),
    ],
}


@pytest.mark.parametrize(("name", "minutes"), [(name, minutes) for name in SLIPS for minutes in few(name)])
def test_the_host_takes_its_file(name, minutes, problems):
    assert problems(name, file_of(name, minutes)) == []


@pytest.mark.parametrize(("name", "old", "new"), [(name, *slip) for name, slips in SLIPS.items() for slip in slips])
def test_a_slip_in_the_file_is_found(name, old, new, problems):
    assert problems(name, broken(file_of(name), old, new)) != []


def module(text):
    """The arguments of main.tf."""
    (block,) = hcl2.loads(text)["module"]
    ((_, arguments),) = block.items()
    return {name: value for name, value in arguments.items() if not name.startswith("__")}


def unknown_or_missing(text):
    given = set(module(text)) - {"source"}
    known = dict(readme.blocks("variables.tf", "variable"))
    return given - set(known) | {name for name, block in known.items() if "default" not in block} - given


@pytest.mark.parametrize("minutes", few("lambda"))
def test_the_terraform_module_has_these_inputs(minutes):
    assert unknown_or_missing(file("lambda", minutes)) == set()


@pytest.mark.parametrize("name", ["tick_rate", "settings_module"])
def test_an_input_that_the_terraform_module_does_not_have_is_found(name):
    assert f"{name}s" in unknown_or_missing(broken(file("lambda"), name, f"{name}s"))


@pytest.fixture
def planned(tmp_path):
    """What Terraform says of the configuration, with a module that has these inputs and makes nothing of them."""

    def planned(text):
        (tmp_path / "module").mkdir()
        (tmp_path / "module/variables.tf").write_text((readme.HERE / "variables.tf").read_text())
        (tmp_path / "dist").mkdir()
        (tmp_path / "dist/lambda.zip").touch()
        (tmp_path / "main.tf").write_text(text.replace("../django-tasks-oneshot/terraform", "./module"))
        terraform = Terraform(tmp_path)
        terraform.init()
        return terraform.plan()

    try:
        executable()
    except MissingTerraform as missing:
        pytest.skip(str(missing))
    return planned


@pytest.mark.terraform
@pytest.mark.parametrize("package", ["site", "my_site", "_site", "MySite", "default", "a" * 40, "site_2nd"])
def test_terraform_takes_the_inputs_whatever_the_project_is_called(package, planned):
    planned(file("lambda", local=replace(LOCAL, settings=f"{package}.settings")))


@pytest.mark.terraform
@pytest.mark.parametrize(
    ("old", "new"),
    [('"mysite"', '"my site"'), ("tick_rate       = 1", "tick_rate = 0.5"), ('"mysite.settings"', '"my-site"')],
)
def test_terraform_refuses_other_inputs(old, new, planned):
    with pytest.raises(TerraformError, match="Invalid value for variable"):
        planned(broken(file("lambda"), old, new))
