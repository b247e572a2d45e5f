from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

from django_tasks_oneshot import Discard, Retry


@pytest.mark.parametrize("kind", [Retry, Discard])
def test_an_override_says_why(kind):
    assert str(kind("the feed is down")) == "the feed is down"


@pytest.mark.parametrize("kind", [Retry, Discard])
def test_an_override_needs_no_reason(kind):
    assert str(kind()) == ""


def test_a_retry_that_is_raised_as_a_class_has_no_time():
    with pytest.raises(Retry) as raised:
        raise Retry
    assert raised.value.after is None


def test_the_time_of_a_retry_is_given_by_name():
    with pytest.raises(TypeError):
        Retry("the feed is down", 30)


def test_a_retry_can_be_pickled():
    retry = pickle.loads(pickle.dumps(Retry("the feed is down", after=timedelta(minutes=5))))
    assert (str(retry), retry.after) == ("the feed is down", timedelta(minutes=5))
