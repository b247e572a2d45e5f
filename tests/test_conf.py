from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_tasks_oneshot.conf import setting


def errors():
    return [each for each in run_checks(app_configs=[]) if each.id == "oneshot.E009"]


def test_without_settings_there_are_defaults():
    assert setting("LAMBDA_MARGIN_SECONDS") == 5
    assert errors() == []


@override_settings(ONESHOT={"LAMBDA_MARGIN_SECONDS": 0.5})
def test_a_setting_holds():
    assert setting("LAMBDA_MARGIN_SECONDS") == 0.5
    assert errors() == []


@pytest.mark.parametrize(
    ("oneshot", "message", "hint"),
    [
        ({"MARGIN": 5}, "ONESHOT has 'MARGIN', which nothing knows.", "Write one of: LAMBDA_MARGIN_SECONDS."),
        (5, "ONESHOT is no dict.", "Write ONESHOT = {...}, or leave it out."),
        *(
            (
                {"LAMBDA_MARGIN_SECONDS": value},
                f"ONESHOT['LAMBDA_MARGIN_SECONDS'] is {value!r}.",
                "Write a number of seconds, such as 5.",
            )
            for value in ("5", 0, -1, True, None, float("inf"), float("nan"))
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_says_what_to_write(oneshot, message, hint):
    with override_settings(ONESHOT=oneshot):
        (error,) = errors()
    assert (error.msg, error.hint) == (message, hint)
