"""The docs say what there is."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import DjangoHelpFormatter

import django_tasks_oneshot
from django_tasks_oneshot import TaskContext, conf, views
from django_tasks_oneshot.backends import dispatch
from django_tasks_oneshot.backends.database import DatabaseBackend
from django_tasks_oneshot.backends.sqs import SQSBackend
from django_tasks_oneshot.contract.task import Policy
from django_tasks_oneshot.run.due import Plan
from django_tasks_oneshot.run.listing import Listed, State
from django_tasks_oneshot.run.report import Report

ROOT = Path(__file__).parent.parent
COMMANDS = [path.stem for path in (ROOT / "django_tasks_oneshot/management/commands").glob("[!_]*.py")]


def read(name):
    return (ROOT / name).read_text()


def parser_of(command):
    parser = load_command_class("django_tasks_oneshot", command).create_parser("manage.py", command)
    assert parser.formatter_class is DjangoHelpFormatter
    return parser


def actions_of(parser):
    """The parsers of its actions, such as ``pause``, by their names."""
    return {
        name: action
        for each in parser._actions
        if isinstance(each, argparse._SubParsersAction)
        for name, action in each.choices.items()
    }


def own_options(parser):
    ours = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    return ours.union(*map(own_options, actions_of(parser).values())) - DjangoHelpFormatter.show_last - {"--help"}


def section_of(command):
    return read("docs/commands.md").split(f"## {command}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_section(command):
    described = re.findall(r"^\| `(--[a-z-]+)", section_of(command), re.MULTILINE)
    assert own_options(parser_of(command)) == set(described)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_action_of_a_command_is_in_its_section(command):
    described = re.findall(r"^\| `([a-z]+) [A-Z]+`", section_of(command), re.MULTILINE)
    assert list(actions_of(parser_of(command))) == described


@pytest.mark.parametrize("key", [each.name for each in fields(Listed)])
def test_every_key_of_a_listed_schedule_is_described(key):
    assert re.search(rf"^\| `{key}`", section_of("task_schedules"), re.MULTILINE)


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_of_a_schedule_is_described(state):
    assert f"`{state}`" in section_of("task_schedules")


@pytest.mark.parametrize("key", [*Report.__dataclass_fields__, *Plan.__dataclass_fields__])
def test_every_key_of_the_report_is_described(key):
    assert f"`{key}`" in read("docs/commands.md")


@pytest.mark.parametrize("name", [each.upper() for each in Policy.__dataclass_fields__])
def test_every_setting_is_described(name):
    assert f"| `{name}` |" in read("docs/configuration.md")


@pytest.mark.parametrize("name", DatabaseBackend.default_options)
def test_every_option_of_the_database_backend_is_described(name):
    assert f'| `OPTIONS["{name}"]` |' in read("docs/configuration.md")


@pytest.mark.parametrize("name", SQSBackend.default_options)
def test_every_option_of_the_sqs_backend_is_described(name):
    assert f'| `OPTIONS["{name}"]` |' in read("docs/lambda.md")


@pytest.mark.parametrize("name", dispatch.KEYS)
def test_every_key_of_dispatch_is_described(name):
    assert f"| `{name}` |" in read("docs/lambda.md")


@pytest.mark.parametrize("name", conf.DEFAULTS)
def test_every_setting_of_no_backend_is_described(name):
    assert f'| `ONESHOT["{name}"]` |' in read("docs/configuration.md")


@pytest.mark.parametrize("name", views.PARAMETERS)
def test_every_parameter_of_a_tick_is_described(name):
    assert f"| `?{name}=" in read("docs/http.md")


@pytest.mark.parametrize(
    "name", [each.stem for each in (ROOT / "handlers").glob("[!_]*.py") if "\ndef handler(" in each.read_text()]
)
def test_every_handler_is_described(name):
    assert f"| `django_tasks_oneshot.handlers.{name}.handler` |" in read("docs/lambda.md")


@pytest.mark.parametrize("name", [*Policy.__dataclass_fields__, "schedule"])
def test_every_argument_of_task_is_described(name):
    assert f"| `{name}` |" in read("docs/tasks.md")


@pytest.mark.parametrize("name", [each for each in vars(TaskContext) if not each.startswith("_")])
def test_everything_of_a_context_is_described(name):
    assert name in {"progress", "fire"} or re.search(
        rf"^\| `(await )?context\.{name}\b", read("docs/tasks.md"), re.MULTILINE
    )


@pytest.mark.parametrize("name", django_tasks_oneshot.__all__)
def test_every_public_name_is_described(name):
    assert name in "".join(read(f"docs/{each}.md") for each in ("tasks", "configuration", "lambda"))


def test_every_check_is_described_and_no_other():
    code = "".join(path.read_text() for path in (ROOT / "django_tasks_oneshot").rglob("*.py"))
    assert set(re.findall(r"oneshot\.[EW]\d{3}", code)) == set(
        re.findall(r"^\| `(oneshot\.[EW]\d{3})`", read("docs/configuration.md"), re.MULTILINE)
    )


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", *(f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", read(page)):
        assert ((ROOT / page).parent / target).exists(), target


def test_the_first_screen_of_the_readme_holds_all_that_one_has_to_type():
    first_screen = read("README.md").splitlines()[:45]
    for line in ("pip install django-tasks-oneshot", "manage.py migrate", "* * * * *", "make demo", "make test"):
        assert any(line in each for each in first_screen), line


def test_the_migrations_are_complete(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
