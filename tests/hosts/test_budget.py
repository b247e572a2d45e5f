"""How long a run may take follows from how its host ends it."""

from __future__ import annotations

from datetime import date

import pytest

from django_tasks_oneshot.hosts.budget import MARGIN, NOWHERE, START_SECONDS, Budget, budget, budget_here, host_of
from django_tasks_oneshot.hosts.table import HostFacts, all_hosts
from django_tasks_oneshot.run.deadline import SHORT_GRACE, WRAP_UP, Deadline

from .rendered import INTERVALS


def host(**facts):
    row = {"form": "command", "interval": 5, "overlap": "overlaps", "sources": (), "checked": date(2026, 11, 29)}
    return HostFacts(name="host", title="Host", **{**row, **facts})


ALL = [
    pytest.param(host, minutes, id=f"{host.name}-{minutes}")
    for host in all_hosts().values()
    for minutes in INTERVALS[host.name]
]


@pytest.mark.parametrize(("host", "minutes"), ALL)
def test_a_run_makes_room_for_the_next(host, minutes):
    assert 0 < budget(host, minutes).max_seconds <= 60 * minutes - START_SECONDS


@pytest.mark.parametrize(("host", "minutes"), ALL)
def test_a_run_is_gone_before_it_is_killed_for_its_length(host, minutes):
    """Unless a signal comes first, of which it makes the best: the next test."""
    limits = budget(host, minutes)
    ends = [host.limit_seconds] if host.limit_seconds else []
    ends += [60 * minutes] if host.ends_with_interval else []
    if not ends:
        return
    if limits.grace_seconds is None and host.form == "command":
        assert min(ends) > 60 * minutes
        assert host.grace_seconds
    else:
        gone_after = START_SECONDS + limits.max_seconds + (limits.grace_seconds or 0) + WRAP_UP
        assert gone_after + MARGIN <= min(ends)


@pytest.mark.parametrize(("host", "minutes"), ALL)
def test_a_run_that_gets_a_signal_is_gone_before_it_is_killed(host, minutes):
    if not host.grace_seconds:
        return
    limits = budget(host, minutes)
    now = [0.0]
    deadline = Deadline(limits.max_seconds, limits.grace_seconds, clock=lambda: now[0])
    now[0] = limits.max_seconds / 2
    deadline.stop()
    assert deadline.until_end <= host.grace_seconds


def test_without_a_rule_a_task_goes_on_until_it_ends():
    assert budget(host(), 5) == Budget(max_seconds=295)


def test_a_long_limit_is_left_to_the_signal():
    assert budget(host(limit_seconds=3600, grace_seconds=30), 5) == Budget(max_seconds=295)


def test_a_limit_within_the_interval_is_kept():
    assert budget(host(limit_seconds=300, grace_seconds=30), 10) == Budget(max_seconds=265, grace_seconds=25)


def test_a_limit_that_is_the_interval_is_kept():
    assert budget(host(ends_with_interval=True, grace_seconds=10), 10) == Budget(max_seconds=585, grace_seconds=5)


def test_a_limit_whose_grace_nobody_knows_has_that_of_a_run():
    assert budget(host(limit_seconds=300), 10) == Budget(max_seconds=285, grace_seconds=SHORT_GRACE)


def test_a_grace_that_is_too_short_for_that_of_a_run_is_told():
    assert budget(host(grace_seconds=6), 5) == Budget(max_seconds=295, grace_seconds=1)
    assert budget(host(grace_seconds=2), 5) == Budget(max_seconds=295, grace_seconds=0)


def test_a_request_has_the_shorter_of_its_time_and_the_interval():
    assert budget(host(form="http", limit_seconds=30), 1) == Budget(max_seconds=20)
    assert budget(host(form="http", limit_seconds=300), 1) == Budget(max_seconds=50)


@pytest.mark.parametrize(
    ("facts", "grace_seconds", "limits"),
    [
        ({"ends_with_interval": True, "grace_seconds": 30}, None, Budget(max_seconds=265, grace_seconds=25)),
        ({"ends_with_interval": True, "grace_seconds": 30}, 5, Budget(max_seconds=285, grace_seconds=5)),
        ({"ends_with_interval": True, "grace_seconds": 30}, 3600, Budget(max_seconds=265, grace_seconds=25)),
        ({"limit_seconds": 600, "grace_seconds": 10}, 1, Budget(max_seconds=295, grace_seconds=1)),
        ({"limit_seconds": 600, "grace_seconds": 10}, 3600, Budget(max_seconds=295, grace_seconds=5)),
    ],
)
def test_a_grace_of_its_own_lets_no_run_outlast_its_host(facts, grace_seconds, limits):
    assert budget_here(host(**facts), grace_seconds) == limits


def test_where_no_host_is_known_any_grace_is_right():
    assert budget_here(None, 3600) == Budget(max_seconds=55, grace_seconds=3600)


def test_options_are_spelled_as_the_command_takes_them():
    assert Budget(max_seconds=565, grace_seconds=25).options == "--max-seconds 565 --grace-seconds 25"
    assert Budget(max_seconds=55, grace_seconds=0).options == "--max-seconds 55 --grace-seconds 0"
    assert NOWHERE.options == "--max-seconds 55"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"DYNO": "scheduler.1234"}, "heroku"),
        ({"DYNO": "scheduler-12a34b56d-e78f9"}, "heroku"),
        ({"DYNO": "cron.1234"}, "dokku"),
        ({"RENDER": "true", "RENDER_SERVICE_TYPE": "cron"}, "render"),
        ({"SCALINGO_APPLICATION_ID": "5c", "CONTAINER": "one-off-1234"}, "scalingo"),
        ({"CLOUD_RUN_JOB": "run-due-tasks"}, "cloudrun"),
        ({"CONTAINER_APP_JOB_NAME": "run-due-tasks"}, "azure-container-apps"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "newsletter-tick"}, "lambda"),
    ],
)
def test_a_host_is_recognised_by_its_variables(environment, name):
    assert host_of(environment).name == name


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"DYNO": "web.1"},  # what people start there by hand has other limits
        {"DYNO": "run.9157"},
        {"RENDER_SERVICE_TYPE": "web"},
        {"SCALINGO_APPLICATION_ID": "5c", "CONTAINER": "web-1"},
        {"CONTAINER": "one-off-1"},
        {"K_SERVICE": "site"},
        {"PATH": "/bin", "HOME": "/root"},
    ],
)
def test_others_are_not(environment):
    assert host_of(environment) is None
