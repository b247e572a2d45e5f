from __future__ import annotations

import math
import pickle
from datetime import timedelta

import pytest

from django_tasks_oneshot import Discard, InvalidTask, Retry, TaskInterrupted, constant, exponential, linear
from django_tasks_oneshot.contract.retry import DEFAULT_BACKOFF, INTERRUPTED, duration, failed_attempts, retry_delay

from .functions import wait_a_minute
from .results import failed, result_of

NOT_A_TIME = [-1, -0.001, -1e12, math.nan, math.inf, -math.inf, True, False, "30", None, [30], 1e12, 10**400]
NOT_A_TIME += [timedelta(seconds=-1), timedelta(days=4000)]


def delays(backoff, failures):
    return [backoff(ValueError(), failed(times)) for times in range(1, failures + 1)]


class TestDelays:
    @pytest.mark.parametrize(
        ("backoff", "expected"),
        [
            (exponential(base=10), [10, 20, 40, 80, 160]),
            (exponential(10, 3), [10, 30, 90, 270]),
            (exponential(base=10, factor=1.5), [10, 15, 22.5]),
            (exponential(base=10, factor=1), [10, 10, 10]),
            (exponential(base=0.25), [0.25, 0.5, 1]),
            (exponential(base=timedelta(minutes=1)), [60, 120, 240]),
            (exponential(base=0), [0, 0, 0]),
            (linear(base=30), [30, 60, 90, 120]),
            (linear(base=timedelta(minutes=2)), [120, 240, 360]),
            (constant(7), [7, 7, 7]),
            (constant(seconds=0), [0, 0]),
            (constant(timedelta(hours=2)), [7200, 7200]),
        ],
    )
    def test_grow_with_the_failures(self, backoff, expected):
        assert delays(backoff, len(expected)) == expected

    @pytest.mark.parametrize(
        ("backoff", "expected"),
        [
            (exponential(base=10, maximum=25), [10, 20, 25, 25]),
            (exponential(base=10, maximum=timedelta(seconds=25)), [10, 20, 25, 25]),
            (exponential(10, 2, 25), [10, 20, 25, 25]),
            (exponential(base=10, maximum=5), [5, 5]),
            (linear(base=10, maximum=25), [10, 20, 25, 25]),
            (linear(10, timedelta(seconds=25)), [10, 20, 25, 25]),
        ],
    )
    def test_are_at_most_the_maximum(self, backoff, expected):
        assert delays(backoff, len(expected)) == expected

    @pytest.mark.parametrize("backoff", [exponential(base=1000), linear(base=1800)])
    def test_are_at_most_an_hour_when_nothing_is_said(self, backoff):
        assert delays(backoff, 4)[-1] == 3600

    def test_of_a_constant_may_be_longer_than_an_hour(self):
        assert constant(86400)(ValueError(), failed(1)) == 86400

    @pytest.mark.parametrize("factor", [2, 2.0, 1.01, 10**400, 1e308])
    def test_that_overflow_are_the_maximum(self, factor):
        assert exponential(base=10, factor=factor, maximum=500)(ValueError(), failed(100_000)) == 500

    @pytest.mark.parametrize("factor", [2, 2.0, 1e308])
    def test_of_nothing_stay_nothing_when_they_overflow(self, factor):
        assert exponential(base=0, factor=factor)(ValueError(), failed(100_000)) == 0

    @pytest.mark.parametrize(
        ("backoff", "expected"), [(exponential(base=10), 20), (linear(base=10), 20), (constant(10), 10)]
    )
    def test_do_not_grow_with_interruptions(self, backoff, expected):
        assert backoff(ValueError(), failed(2, interrupted=5)) == expected

    @pytest.mark.parametrize("backoff", [exponential(base=10), linear(base=10), constant(10)])
    def test_begin_with_the_first_also_when_no_failure_is_recorded(self, backoff):
        assert backoff(ValueError(), failed(0)) == 10


class TestJitter:
    @pytest.mark.parametrize(
        "backoff",
        [
            exponential(base=100, jitter=True),
            linear(base=100, jitter=True),
            constant(100, jitter=True),
            exponential(base=9999, maximum=100, jitter=True),
        ],
    )
    def test_spreads_over_the_upper_half_of_the_delay(self, backoff):
        drawn = [backoff(ValueError(), failed(1)) for _ in range(2000)]
        assert 50 <= min(drawn) < 55
        assert 95 < max(drawn) <= 100
        assert len(set(drawn)) > 1000

    def test_follows_the_growing_delay(self):
        backoff = exponential(base=100, jitter=True)
        assert all(200 <= backoff(ValueError(), failed(3)) <= 400 for _ in range(200))

    def test_of_no_delay_is_none(self):
        assert constant(0, jitter=True)(ValueError(), failed(1)) == 0


@pytest.mark.parametrize("make", [exponential, linear, constant])
class TestChoiceOfExceptions:
    @pytest.mark.parametrize("exception", [ValueError(), OSError(), SystemExit(), KeyboardInterrupt()])
    def test_all_are_retried_when_nothing_is_said(self, make, exception):
        assert make(5)(exception, failed(1)) == 5

    @pytest.mark.parametrize(
        ("options", "retried", "not_retried"),
        [
            ({"on": OSError}, [OSError(), ConnectionError()], [ValueError(), SystemExit()]),
            ({"on": (OSError, KeyError)}, [TimeoutError(), KeyError()], [LookupError(), ValueError()]),
            ({"on": ()}, [], [ValueError()]),
            ({"never": ValueError}, [KeyError(), SystemExit()], [ValueError(), UnicodeError()]),
            ({"never": (ValueError, OSError)}, [KeyError()], [UnicodeError(), TimeoutError()]),
            ({"on": OSError, "never": TimeoutError}, [OSError(), ConnectionError()], [TimeoutError(), KeyError()]),
            ({"on": TimeoutError, "never": OSError}, [], [TimeoutError()]),
        ],
    )
    def test_on_and_never_choose(self, make, options, retried, not_retried):
        backoff = make(5, **options)
        assert [backoff(exception, failed(1)) for exception in retried] == [5] * len(retried)
        assert [backoff(exception, failed(1)) for exception in not_retried] == [None] * len(not_retried)


class TestBadValues:
    @pytest.mark.parametrize("value", NOT_A_TIME)
    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (lambda value: exponential(value), "base"),
            (lambda value: exponential(10, maximum=value), "maximum"),
            (lambda value: linear(value), "base"),
            (lambda value: linear(10, maximum=value), "maximum"),
            (lambda value: constant(value), "base"),
        ],
        ids=["exponential base", "exponential maximum", "linear base", "linear maximum", "constant"],
    )
    def test_a_time_that_cannot_be_waited_is_refused(self, make, name, value):
        with pytest.raises(InvalidTask) as refused:
            make(value)
        assert f"={value!r} is not a time to wait; write seconds (30) or a timedelta" in str(refused.value)

    @pytest.mark.parametrize("factor", [0.99, 0, -2, math.nan, math.inf, True, "2", None, timedelta(seconds=2)])
    def test_a_factor_that_is_not_a_number_of_at_least_one_is_refused(self, factor):
        with pytest.raises(InvalidTask) as refused:
            exponential(10, factor=factor)
        assert str(refused.value).startswith(f"factor={factor!r} is not a number of at least 1; write factor=2")

    @pytest.mark.parametrize("name", ["on", "never"])
    @pytest.mark.parametrize(
        "value", ["ValueError", ValueError(), int, None, [ValueError], (ValueError, "OSError"), (OSError, (KeyError,))]
    )
    @pytest.mark.parametrize("make", [exponential, linear, constant])
    def test_what_is_no_exception_class_is_refused(self, make, name, value):
        with pytest.raises(InvalidTask) as refused:
            make(10, **{name: value})
        assert str(refused.value).startswith(f"{name}={value!r} is not an exception class; write {name}=(")


class TestBackoffsAreValues:
    def test_those_that_say_the_same_are_equal(self):
        assert exponential(60, on=OSError) == exponential(timedelta(minutes=1), on=(OSError,))
        assert exponential(60) != exponential(61)
        assert linear(60) != constant(60)

    def test_they_can_be_in_a_set(self):
        assert len({linear(60), linear(timedelta(minutes=1)), linear(1)}) == 2

    def test_they_can_be_pickled(self):
        backoff = exponential(60, jitter=True, never=(OSError, KeyError))
        assert pickle.loads(pickle.dumps(backoff)) == backoff


class TestDuration:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (30, timedelta(seconds=30)),
            (0.5, timedelta(milliseconds=500)),
            (0, timedelta(0)),
            (timedelta(hours=1), timedelta(hours=1)),
            (timedelta(0), timedelta(0)),
            (3650 * 86400, timedelta(days=3650)),
            (timedelta(days=3650), timedelta(days=3650)),
        ],
    )
    def test_takes_seconds_and_timedeltas_of_up_to_ten_years(self, value, expected):
        assert duration("after", value) == expected

    @pytest.mark.parametrize("value", NOT_A_TIME)
    def test_refuses_anything_else_by_name(self, value):
        with pytest.raises(InvalidTask) as refused:
            duration("after", value)
        assert str(refused.value) == (
            f"after={value!r} is not a time to wait; write seconds (30) or a timedelta, from 0 to ten years."
        )


class TestFailedAttempts:
    @pytest.mark.parametrize(
        ("errors", "expected"),
        [
            ([], 0),
            ([ValueError], 1),
            ([TaskInterrupted, TaskInterrupted], 0),
            ([TaskInterrupted, ValueError, TaskInterrupted, Retry, SystemExit], 3),
        ],
    )
    def test_are_those_that_raised_and_not_those_that_were_interrupted(self, errors, expected):
        assert failed_attempts(result_of(*errors)) == expected

    def test_know_an_interruption_by_the_path_that_is_in_stored_results(self):
        assert INTERRUPTED == "django_tasks_oneshot.contract.exceptions.TaskInterrupted"


def no_more(exception, task_result):
    return None


def broken(exception, task_result):
    raise LookupError("the backoff is broken")


class TestRetryDelay:
    @pytest.mark.parametrize(
        ("failures", "max_attempts", "expected"),
        [
            (1, 1, None),
            (1, 2, timedelta(seconds=60)),
            (2, 3, timedelta(seconds=60)),
            (3, 3, None),
            (4, 3, None),
        ],
    )
    def test_ends_with_the_last_attempt(self, failures, max_attempts, expected):
        delay = retry_delay(ValueError(), failed(failures), max_attempts=max_attempts, backoff=wait_a_minute)
        assert delay == expected

    def test_is_not_spent_by_interruptions(self):
        result = failed(1, interrupted=9)
        assert retry_delay(ValueError(), result, max_attempts=2, backoff=constant(5)) == timedelta(seconds=5)

    def test_is_exponential_from_ten_seconds_when_no_backoff_is_given(self):
        delays = [retry_delay(ValueError(), failed(n), max_attempts=9, backoff=DEFAULT_BACKOFF) for n in (1, 2, 3)]
        assert delays == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]

    def test_is_what_the_backoff_makes_of_the_exception_and_the_result(self):
        def backoff(exception, task_result):
            return exception.args[0] * task_result.attempts

        assert retry_delay(ValueError(7), failed(3), max_attempts=9, backoff=backoff) == timedelta(seconds=21)

    @pytest.mark.parametrize(
        ("returned", "expected"),
        [
            (0, timedelta(0)),
            (1.5, timedelta(seconds=1.5)),
            (timedelta(minutes=3), timedelta(minutes=3)),
            (timedelta(0), timedelta(0)),
            (None, None),
        ],
    )
    def test_takes_seconds_timedelta_or_none_from_the_backoff(self, returned, expected):
        assert retry_delay(ValueError(), failed(1), max_attempts=9, backoff=lambda *_: returned) == expected

    @pytest.mark.parametrize("returned", [value for value in NOT_A_TIME if value is not None])
    def test_refuses_rubbish_from_the_backoff(self, returned):
        with pytest.raises(InvalidTask) as refused:
            retry_delay(ValueError(), failed(1), max_attempts=9, backoff=lambda *_: returned)
        assert f"backoff(exception, task_result)={returned!r} is not a time to wait" in str(refused.value)

    def test_raises_what_the_backoff_raises(self):
        with pytest.raises(LookupError, match="the backoff is broken"):
            retry_delay(ValueError(), failed(1), max_attempts=9, backoff=broken)

    def test_asks_no_backoff_when_no_attempt_is_left(self):
        assert retry_delay(ValueError(), failed(3), max_attempts=3, backoff=broken) is None


class TestRetry:
    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            (5, timedelta(seconds=5)),
            (0, timedelta(0)),
            (timedelta(minutes=5), timedelta(minutes=5)),
            (timedelta(0), timedelta(0)),
        ],
    )
    @pytest.mark.parametrize("failures", [1, 3, 50])
    @pytest.mark.parametrize("backoff", [wait_a_minute, no_more, broken, None])
    def test_with_a_time_overrides_backoff_and_max_attempts(self, after, expected, failures, backoff):
        retry = Retry(after=after)
        assert retry_delay(retry, failed(failures), max_attempts=3, backoff=backoff) == expected

    @pytest.mark.parametrize("failures", [1, 3, 50])
    def test_without_a_time_leaves_it_to_the_backoff_also_when_no_attempt_is_left(self, failures):
        delay = retry_delay(Retry(), failed(failures), max_attempts=3, backoff=wait_a_minute)
        assert delay == timedelta(seconds=60)

    def test_is_retried_after_the_usual_time_although_the_backoff_would_stop(self):
        assert retry_delay(Retry(), failed(1), max_attempts=1, backoff=no_more) == timedelta(seconds=10)

    @pytest.mark.parametrize("backoff", [constant(5, on=OSError), constant(5, never=Retry)])
    def test_waits_as_its_backoff_says_whatever_exceptions_that_is_for(self, backoff):
        assert retry_delay(Retry(), failed(1), max_attempts=1, backoff=backoff) == timedelta(seconds=5)

    @pytest.mark.parametrize("after", [value for value in NOT_A_TIME if value is not None])
    def test_with_rubbish_is_refused(self, after):
        with pytest.raises(InvalidTask) as refused:
            retry_delay(Retry(after=after), failed(1), max_attempts=3, backoff=DEFAULT_BACKOFF)
        assert str(refused.value).startswith(f"after={after!r} is not a time to wait; write seconds (30)")

    def test_counts_as_a_failure(self):
        assert failed_attempts(result_of(Retry)) == 1


class TestDiscard:
    class NobodyWantsIt(Discard):
        pass

    @pytest.mark.parametrize("exception", [Discard(), Discard("nobody wants it"), NobodyWantsIt()])
    @pytest.mark.parametrize("backoff", [wait_a_minute, broken, None])
    def test_stops_although_attempts_are_left(self, exception, backoff):
        assert retry_delay(exception, failed(1), max_attempts=9, backoff=backoff) is None
