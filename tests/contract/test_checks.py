from __future__ import annotations

import pytest
from django.core.checks import Warning as CheckWarning
from django.core.checks import run_checks
from django.test import override_settings

from django_tasks_oneshot import Cron, Every, task
from django_tasks_oneshot.contract.checks import check_capabilities

from . import other_backend
from .functions import fetch, send

PATH = "tests.contract.functions.send"


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
        ({"schedule": Every(hours=1)}, "oneshot.W003", "a schedule", "supports_schedule"),
        ({"schedule": [Cron("@daily"), Every(hours=1)]}, "oneshot.W003", "a schedule", "supports_schedule"),
    ],
)
def test_a_task_that_asks_for_what_its_backend_lacks_is_told(alias, options, check_id, what, flag):
    task(backend=alias, **options)(send)
    assert list(check_capabilities()) == [
        CheckWarning(
            f"{PATH} has {what}, and the task backend {alias!r} ignores it.",
            hint=(
                f"Remove it from {PATH}, use a backend that has {flag} = True, "
                f"or SILENCED_SYSTEM_CHECKS = [{check_id!r}]."
            ),
            id=check_id,
        )
    ]


def test_a_backend_that_says_that_it_cannot_is_one_that_lacks_it():
    with override_settings(TASKS={"default": {"BACKEND": f"{__name__}.UnableBackend"}}):
        task(max_attempts=2, timeout=1, schedule=Every(hours=1))(send)
        assert [each.id for each in check_capabilities()] == ["oneshot.W001", "oneshot.W002", "oneshot.W003"]


def test_a_backend_of_somebody_else_that_has_the_capabilities_is_left_alone():
    with override_settings(TASKS={"default": {"BACKEND": f"{__name__}.AbleBackend"}}):
        task(max_attempts=2, timeout=1, schedule=Every(hours=1))(send)
        assert list(check_capabilities()) == []


def test_our_backend_retries_and_has_schedules():
    task(max_attempts=5, schedule=Every(hours=1))(send)
    assert list(check_capabilities()) == []


@pytest.mark.parametrize("options", [{}, {"max_attempts": 1}, {"max_interruptions": 0}, {"schedule": []}])
def test_a_task_that_asks_for_nothing_is_left_alone(alias, options):
    task(backend=alias, **options)(send)
    assert list(check_capabilities()) == []


def test_each_task_and_each_lack_is_told():
    task(backend="dummy", max_attempts=5, schedule=Every(hours=1))(send)
    task(backend="immediate", max_attempts=3)(fetch)
    assert [(each.id, each.msg.partition(" ")[0]) for each in check_capabilities()] == [
        ("oneshot.W001", "tests.contract.functions.send"),
        ("oneshot.W003", "tests.contract.functions.send"),
        ("oneshot.W001", "tests.contract.functions.fetch"),
    ]


@pytest.mark.django_db
def test_manage_py_check_tells():
    task(backend="dummy", max_attempts=5)(send)
    assert "oneshot.W001" in [each.id for each in run_checks()]
