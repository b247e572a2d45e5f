"""What each row of hosts.toml has to say."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import get_args

import pytest

from django_tasks_oneshot.hosts.interval import is_regular
from django_tasks_oneshot.hosts.table import DIRECTORY, OVERLAPS, Form, HostFacts, Overlap, all_hosts
from django_tasks_oneshot.run.deadline import WRAP_UP

from .markdown import table

HOSTS = all_hosts().values()


def by_name(host):
    return host.name


def test_there_are_twenty_and_more():
    assert len(HOSTS) >= 20


@pytest.mark.parametrize("host", HOSTS, ids=by_name)
def test_a_row_says_where_its_facts_are_from_and_when_they_were_read(host):
    assert host.sources
    assert all(source.startswith("https://") and " " not in source for source in host.sources)
    assert date(2026, 11, 1) <= host.checked <= date.today()


@pytest.mark.parametrize("host", HOSTS, ids=by_name)
def test_a_row_has_known_words_and_its_own_interval(host):
    assert host.form in get_args(Form)
    assert host.overlap in get_args(Overlap)
    assert host.minimal_interval <= host.interval
    assert host.interval in (host.intervals or [host.interval])
    assert all(map(is_regular, host.intervals or [host.interval]))


@pytest.mark.parametrize("host", HOSTS, ids=by_name)
def test_what_is_assumed_is_a_fact_of_the_row(host):
    assert set(host.assumed) <= {each.name for each in fields(HostFacts)} - {"assumed", "checked", "sources", "name"}
    assert all(getattr(host, name) is not None for name in host.assumed)


@pytest.mark.parametrize("host", [host for host in HOSTS if host.form == "http"], ids=by_name)
def test_a_host_that_sends_requests_gives_them_a_time(host):
    assert host.limit_seconds
    assert host.grace_seconds is None
    assert not host.recognised_by


@pytest.mark.parametrize("host", [host for host in HOSTS if host.recognised_by], ids=by_name)
def test_a_host_that_runs_recognise_has_a_rule_to_keep(host):
    assert host.limit_seconds or host.ends_with_interval
    assert host.grace_seconds == 0 or host.grace_seconds > WRAP_UP


def test_each_rule_of_overlap_is_explained():
    assert list(OVERLAPS) == list(get_args(Overlap))


def test_the_page_has_this_table():
    """To write it: python -m tests.hosts.markdown"""
    assert table() in (DIRECTORY.parents[1] / "docs/hosts.md").read_text()
