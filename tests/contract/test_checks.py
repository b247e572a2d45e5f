from __future__ import annotations

import pytest
from django.core.checks import ERROR, WARNING, run_checks
from django.core.checks import Warning as CheckWarning
from django.test import override_settings

from django_tasks_oneshot import Cron, Every, task
from django_tasks_oneshot.contract.checks import check_capabilities, check_schedules

from . import other_backend
from .conftest import BACKENDS
from .functions import fetch, send

PATH = "tests.contract.functions.send"
IMMEDIATE = {"BACKEND": BACKENDS["immediate"]}


class AbleBackend(other_backend.OtherBackend):
    supports_retry = True
    supports_timeout = True
    supports_schedule = True


class UnableBackend(other_backend.OtherBackend):
    supports_retry = False
    supports_timeout = False
    supports_schedule = False


@pytest.mark.parametrize("alias", ["immediate", "dummy", "other"])
@pytest.mark.parametrize(
    ("options", "check_id", "what", "flag"),
    [
        ({"max_attempts": 5}, "oneshot.W001", "max_attempts=5", "supports_retry"),
        ({"timeout": 90}, "oneshot.W002", "timeout=90", "supports_timeout"),
        ({"timeout": 0.5}, "oneshot.W002", "timeout=0.5", "supports_timeout"),
    ],
)
def test_a_task_that_asks_for_what_its_backend_lacks_is_told(alias, options, check_id, what, flag):
    task(backend=alias, **options)(send)
    assert list(check_capabilities()) == [lacks(alias, check_id, what, flag)]


def lacks(alias, check_id, what, flag):
    return CheckWarning(
        f"{PATH} has {what}, and the task backend {alias!r} ignores it.",
        hint=(
            f"Remove it from {PATH}, use a backend that has {flag} = True, or SILENCED_SYSTEM_CHECKS = [{check_id!r}]."
        ),
        id=check_id,
    )


@pytest.mark.parametrize("alias", ["default", "immediate"])
@pytest.mark.parametrize("schedule", [Every(hours=1), [Cron("@daily", name="daily"), Every(hours=1)]])
def test_a_schedule_in_a_project_where_no_backend_has_runs_that_look_at_it(alias, schedule):
    with override_settings(TASKS={"default": {"BACKEND": BACKENDS["dummy"]}, "immediate": IMMEDIATE}):
        task(backend=alias, schedule=schedule)(send)
        messages = list(check_schedules())
        assert list(check_capabilities()) == []
    names = [PATH] if isinstance(schedule, Every) else ["daily", f"{PATH}#2"]
    assert [(each.id, each.level, each.msg) for each in messages] == [
        (
            "oneshot.W003",
            WARNING,
            f"Schedule {name!r}: no task backend of this project looks at schedules, so it does not fire.",
        )
        for name in names
    ]
    assert "DatabaseBackend" in messages[0].hint


@pytest.mark.parametrize("alias", ["immediate", "dummy", "other"])
def test_runs_of_one_backend_look_at_the_schedules_of_all(alias):
    task(backend=alias, schedule=Every(hours=1))(send)
    assert list(check_schedules()) == []


def test_no_overlap_needs_a_backend_that_tells_how_tasks_end(registry):
    rule = Every(hours=1, overlap="skip")
    task(backend="immediate", schedule=[Every(hours=2), rule])(send)
    (message,) = check_schedules()
    assert message.id == "oneshot.W004"
    assert message.msg == (
        f"Schedule '{PATH}#2' has overlap='skip', and the task backend 'immediate' does not tell whether a task is "
        "finished: nothing is skipped."
    )
    registry.clear()
    task(schedule=rule)(send)
    assert list(check_schedules()) == []


def test_no_overlap_of_a_schedule_of_the_settings_needs_it_too(declare):
    declare(send)
    unlike = {"nightly": {"task": PATH, "cron": "@daily", "overlap": "skip"}}
    both = {"default": {"BACKEND": BACKENDS["database"]}, "immediate": {**IMMEDIATE, "SCHEDULES": unlike}}
    with override_settings(TASKS=both):
        assert [(each.id, each.msg.split(" has ")[0]) for each in check_schedules()] == [
            ("oneshot.W004", "Schedule 'nightly'")
        ]


def test_a_backend_that_says_that_it_cannot_is_one_that_lacks_it():
    with override_settings(TASKS={"default": {"BACKEND": f"{__name__}.UnableBackend"}}):
        task(max_attempts=2, timeout=1, schedule=Every(hours=1))(send)
        assert [each.id for each in check_capabilities()] == ["oneshot.W001", "oneshot.W002"]
        assert [each.id for each in check_schedules()] == ["oneshot.W003"]


def test_a_backend_of_somebody_else_that_has_the_capabilities_is_left_alone():
    with override_settings(TASKS={"default": {"BACKEND": f"{__name__}.AbleBackend"}}):
        task(max_attempts=2, timeout=1, schedule=Every(hours=1))(send)
        assert [*check_capabilities(), *check_schedules()] == []


def test_our_backend_retries_and_has_schedules():
    task(max_attempts=5, schedule=Every(hours=1))(send)
    assert list(check_capabilities()) == []


@pytest.mark.parametrize("options", [{}, {"max_attempts": 1}, {"max_interruptions": 0}, {"schedule": []}])
def test_a_task_that_asks_for_nothing_is_left_alone(alias, options):
    task(backend=alias, **options)(send)
    assert list(check_capabilities()) == []


def test_each_task_and_each_lack_is_told():
    task(backend="dummy", max_attempts=5, timeout=1)(send)
    task(backend="immediate", max_attempts=3)(fetch)
    assert [(each.id, each.msg.partition(" ")[0]) for each in check_capabilities()] == [
        ("oneshot.W001", "tests.contract.functions.send"),
        ("oneshot.W002", "tests.contract.functions.send"),
        ("oneshot.W001", "tests.contract.functions.fetch"),
    ]


def with_schedules(schedules):
    return override_settings(TASKS={"default": {"BACKEND": BACKENDS["database"], "SCHEDULES": schedules}})


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ({"task": PATH, "cron": "61 * * * *"}, "write minute 0-59"),
        ({"task": PATH, "cron": "0 0 30 2 *"}, "never fires"),
        ({"task": PATH, "cron": "@daily", "timezone": "Mars"}, "write an IANA name"),
        ({"task": PATH}, "write either 'cron': '0 7 * * *' or 'every': {'minutes': 45}."),
        ({"cron": "@daily"}, "the task is missing"),
        ({"task": "gone.tasks.gone", "cron": "@daily"}, "'gone.tasks.gone' cannot be imported"),
        ({"task": f"{__name__}.lacks", "cron": "@daily"}, "is not a task; decorate the function with @task."),
        ({"task": PATH, "cron": "@daily", "kwargs": {"c": 1}}, "does not take what its schedule gives it"),
        ("@daily", "is not a dict"),
        ({"task": PATH, "every": "5m"}, "'every': '5m' is not an interval; write 'every': {'minutes': 45}."),
        ({"task": PATH, "every": {"months": 1}}, "'every': {'months': 1} is not an interval;"),
        (
            {"task": PATH, "every": {"days": 1, "anchor": "2026-01-01 07:00", "timezone": "UTC"}},
            "write 'anchor' and 'timezone' beside 'every', not in it: 'every': {'days': 1}, 'anchor': ",
        ),
    ],
)
def test_a_schedule_of_the_settings_that_cannot_fire_is_told(declare, definition, problem):
    declare(send)
    with with_schedules({"nightly": definition, "good": {"task": PATH, "cron": "@daily"}}):
        (message,) = check_schedules()
    assert (message.id, message.level) == ("oneshot.E005", ERROR)
    assert message.msg.startswith("Schedule 'nightly': ")
    assert problem in message.msg
    assert message.hint == "Until that is changed, this one does not fire; all others do."


def test_two_schedules_of_one_name_are_told(declare):
    declare(send, schedule=[Every(hours=1, name="nightly"), Every(hours=2, name="nightly")])
    with with_schedules({"nightly": {"task": PATH, "cron": "@daily"}}):
        messages = [each.msg for each in check_schedules()]
    assert messages == [
        f"Schedule 'nightly': another one has this name; give this one, of the {source}, another."
        for source in ("code", "settings")
    ]


def test_good_schedules_are_left_alone(declare):
    declare(send, schedule=[Every(hours=1), Cron("@daily")])
    with with_schedules({"nightly": {"task": PATH, "every": {"minutes": 45}}}):
        assert list(check_schedules()) == []


@pytest.mark.django_db
def test_manage_py_check_tells():
    task(backend="dummy", max_attempts=5, schedule=[Every(hours=1, name="a"), Every(hours=2, name="a")])(send)
    assert {"oneshot.W001", "oneshot.E005"} <= {each.id for each in run_checks()}
