from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_tasks_oneshot.conf import DEFAULTS, setting

SECRET_HINT = (
    "Write 16 to 512 visible ASCII characters, or a list of such secrets. To make one, type: "
    "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
)


def errors():
    return [each for each in run_checks(app_configs=[]) if each.id == "oneshot.E009"]


def test_without_settings_there_are_defaults():
    assert setting("LAMBDA_MARGIN_SECONDS") == 5
    assert errors() == []


@override_settings(ONESHOT={"LAMBDA_MARGIN_SECONDS": 0.5})
def test_a_setting_holds():
    assert setting("LAMBDA_MARGIN_SECONDS") == 0.5
    assert errors() == []


@pytest.mark.parametrize("secret", [None, "", [], [None, ""], "x" * 16, ["x" * 16], ("x" * 16, None, "!" * 512)])
def test_a_secret_may_be_missing_from_the_environment_or_be_one_of_several(secret):
    with override_settings(ONESHOT={"TICK_SECRET": secret}):
        assert errors() == []


@pytest.mark.parametrize(
    ("oneshot", "message", "hint"),
    [
        (
            {"MARGIN": 5},
            "ONESHOT has 'MARGIN', which nothing knows.",
            f"Write one of: {', '.join(DEFAULTS)}.",
        ),
        (5, "ONESHOT is no dict.", "Write ONESHOT = {...}, or leave it out."),
        *(
            ({name: value}, f"ONESHOT[{name!r}] is {value!r}.", f"Write a number of seconds, such as {such_as}.")
            for name, such_as in (("LAMBDA_MARGIN_SECONDS", 5), ("TICK_MAX_SECONDS", 25))
            for value in ("5", 0, -1, True, None, float("inf"), float("nan"))
        ),
        *(
            (
                {"TICK_SECRET": value},
                "ONESHOT['TICK_SECRET'] cannot be used.",
                SECRET_HINT,
            )
            for value in (
                "short",
                "with a space in it",
                "pässwört-pässwört",
                "x" * 513,
                b"x" * 16,
                5,
                ["x" * 16, "short"],
            )
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_says_what_to_write(oneshot, message, hint):
    with override_settings(ONESHOT=oneshot):
        (error,) = errors()
    assert (error.msg, error.hint) == (message, hint)
