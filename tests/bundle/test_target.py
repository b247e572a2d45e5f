from __future__ import annotations

import pytest

from django_tasks_oneshot.bundle.target import Target


@pytest.mark.parametrize(
    ("target", "platform"),
    [
        (Target(), "aarch64-manylinux_2_34"),
        (Target("x86_64", "3.12"), "x86_64-manylinux_2_34"),
        (Target("arm64", "3.14"), "aarch64-manylinux_2_34"),
        (Target("x86_64", "3.11"), "x86_64-manylinux_2_17"),
    ],
)
def test_wheels_are_those_that_the_c_library_of_the_runtime_can_load(target, platform):
    assert target.uv_platform == platform


def test_a_target_is_what_lambda_calls_it():
    assert str(Target()) == "python3.13, arm64"
