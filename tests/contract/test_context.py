"""The context of a task where nothing can be continued, and loops over what is no queryset."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

import pytest

from django_tasks_oneshot import ContinueLater, InvalidTask, TaskContext, task
from django_tasks_oneshot.compat import TaskContext as DjangoTaskContext
from django_tasks_oneshot.contract.progress import Checkpoint, Progress

from . import functions


def attempt(checkpoint):
    return TaskContext(task_result=None, progress=Progress(checkpoint))


def done(count, items, **options):
    """The checkpoint of an attempt that has done so many of these items, and was then ended."""
    checkpoint = Checkpoint()
    for number, _ in enumerate(attempt(checkpoint).resume(items, **options)):
        if number == count:
            break
    return checkpoint


def rest(checkpoint, items, **options):
    return list(attempt(checkpoint).resume(items, **options))


class Letter:
    def __init__(self, name):
        self.name = name


class TestLoopsOverIterables:
    def test_count_their_items(self):
        assert rest(done(2, "abcde"), "abcde") == ["c", "d", "e"]

    def test_take_generators_that_give_the_same_again(self):
        assert rest(done(2, (n for n in range(5))), (n for n in range(5))) == [2, 3, 4]

    def test_seek_the_key_of_the_last_item(self):
        page = [{"id": each} for each in "abcde"]
        assert rest(done(2, page, key="id"), page[1:], key=lambda row: row["id"]) == page[2:]

    def test_take_the_name_of_an_attribute_as_key(self):
        letters = [Letter(each) for each in "abc"]
        assert rest(done(1, letters, key="name"), letters, key="name") == letters[1:]

    def test_say_that_the_last_item_is_gone_instead_of_leaving_out_all(self):
        with pytest.raises(ValueError, match="the item with the key 'b', which was done last, is not there any more"):
            rest(done(2, "abcde", key=str), "acde", key=str)

    @pytest.mark.parametrize("key", [lambda item: None, lambda item: object(), lambda item: float("nan")])
    def test_refuse_a_key_that_cannot_be_kept(self, key):
        with pytest.raises(ValueError, match=r"an item has the key 'None'|has no JSON form"):
            rest(Checkpoint(), "abc", key=key)

    @pytest.mark.parametrize("items", [{1, 2}, frozenset("ab"), {"a": 1}.keys()])
    def test_refuse_a_set(self, items):
        if isinstance(items, type({}.keys())):
            assert rest(Checkpoint(), items) == ["a"]  # it has an order
            return
        with pytest.raises(ValueError, match=r"write sorted\(...\)"):
            rest(Checkpoint(), items)

    def test_refuse_a_key_that_two_have_in_common(self):
        with pytest.raises(ValueError, match="an item has the key 'a', by which it cannot be found again"):
            rest(Checkpoint(), "abaa", key=str)

    @pytest.mark.parametrize(
        ("items", "options", "text"),
        [
            ("abc", {"checkpoint_every": -1}, "checkpoint_every=-1 is not a time to wait"),
            ("abc", {"checkpoint_every": math.nan}, "checkpoint_every=nan is not a time to wait"),
            ("abc", {"key": 5}, "key=5 is neither a name nor a function of an item; write key='id'"),
            ("abc", {"batch_size": 0}, "batch_size=0 is not a number of items; write batch_size=500"),
            (5, {}, "5 is no iterable; write a queryset, a list or a range"),
        ],
    )
    def test_refuse_at_the_call_what_cannot_be_meant(self, items, options, text):
        with pytest.raises((ValueError, InvalidTask), match=text):
            attempt(Checkpoint()).resume(items, **options)

    def test_refuse_an_async_iterable(self):
        async def letters():
            yield "a"

        with pytest.raises(ValueError, match=r"write 'async for item in context\.aresume"):
            rest(Checkpoint(), letters())

    def test_take_a_timedelta_for_seconds(self):
        assert rest(Checkpoint(), "ab", checkpoint_every=timedelta(seconds=1)) == ["a", "b"]
        assert not attempt(Checkpoint()).should_stop(timedelta(seconds=1))

    def test_give_batches_that_are_done_together(self):
        assert rest(done(1, range(7), batch_size=3), range(7), batch_size=3) == [[3, 4, 5], [6]]

    def test_do_not_go_on_from_the_place_in_another_loop(self):
        """After a release that has changed the task: the place would mean something else there."""
        with pytest.raises(ValueError, match="a loop over items that have a key where others were"):
            rest(done(2, "abc"), "abc", key=str)

    def test_that_are_over_give_nothing_again(self):
        checkpoint = Checkpoint()
        context = attempt(checkpoint)
        assert [*context.resume("ab"), *context.resume("cd")] == list("abcd")
        context = attempt(checkpoint)
        assert [list(context.resume(each)) for each in ("ab", "cd", "ef")] == [[], [], ["e", "f"]]

    def test_are_told_apart_by_their_order(self):
        checkpoint = Checkpoint()
        context = attempt(checkpoint)
        list(context.resume("abc"))
        next(loop := context.resume("xyz"))
        next(loop)
        context = attempt(checkpoint)
        assert list(context.resume("abc")) == []
        assert list(context.resume("xyz")) == ["y", "z"]

    def test_write_down_nothing_of_an_item_that_is_not_done(self):
        checkpoint = Checkpoint()
        loop = attempt(checkpoint).resume("abc")
        next(loop)
        assert checkpoint.cursor is None
        next(loop)
        assert checkpoint.cursor == 1


class TestAsyncLoops:
    def collect(self, checkpoint, items, stop=math.inf, **options):
        async def collect():
            seen = []
            async for item in attempt(checkpoint).aresume(items, **options):
                seen.append(item)
                if len(seen) > stop:
                    break
            return seen

        return asyncio.run(collect())

    def test_take_iterables(self):
        checkpoint = Checkpoint()
        self.collect(checkpoint, "abcde", stop=2)
        assert self.collect(checkpoint, "abcde") == ["c", "d", "e"]

    def test_take_async_iterables(self):
        async def letters():
            for each in "abcde":
                await asyncio.sleep(0)
                yield each

        checkpoint = Checkpoint()
        self.collect(checkpoint, letters(), stop=2)
        assert self.collect(checkpoint, letters()) == ["c", "d", "e"]

    def test_give_batches(self):
        checkpoint = Checkpoint()
        self.collect(checkpoint, range(7), stop=1, batch_size=3)
        assert self.collect(checkpoint, range(7), batch_size=3) == [[3, 4, 5], [6]]

    def test_that_are_over_give_nothing_again(self):
        async def both(context):
            return [[item async for item in context.aresume(letters)] for letters in ("ab", "cd")]

        checkpoint = Checkpoint()
        assert asyncio.run(both(attempt(checkpoint))) == [["a", "b"], ["c", "d"]]
        assert asyncio.run(both(attempt(checkpoint))) == [[], []]

    def test_may_follow_each_other_after_a_break(self):
        async def both():
            context, seen = attempt(Checkpoint()), []
            for letters in ("ab", "cd"):
                async for item in context.aresume(letters):
                    seen.append(item)
                    break
            return seen

        assert asyncio.run(both()) == ["a", "c"]


class TestStraightThrough:
    """On a backend that knows nothing of continuing."""

    @pytest.fixture
    def immediately(self, declare):
        def immediately(function, *args):
            result = declare(function, backend="immediate", takes_context=True).enqueue(*args)
            return result.return_value if result.status == "SUCCESSFUL" else result.errors[0].traceback

        return immediately

    def test_a_loop_runs_to_its_end(self, immediately):
        assert immediately(functions.loop_over, "abc") == ["a", "b", "c"]

    def test_an_async_loop_runs_to_its_end(self, immediately):
        assert immediately(functions.loop_over_later, "abc") == ["a", "b", "c"]

    def test_what_a_task_does_with_the_value_is_not_kept_before_it_says_so(self, immediately):
        assert immediately(functions.change_checkpoint_value) == {"page": 1}

    def test_a_plain_loop_in_an_async_task_is_refused(self, immediately):
        assert "async for item in context.aresume(items)" in immediately(functions.loop_over_in_vain, "abc")

    def test_a_checkpoint_is_there_as_long_as_the_task(self, immediately):
        assert immediately(functions.make_checkpoint) == [None, {"page": [1, 2]}, None, False, 1]

    def test_continuing_is_done_at_once(self, immediately):
        assert immediately(functions.count_to, 5) == 5
        assert immediately(functions.count_to_later, 5) == 5

    def test_continuing_is_done_at_once_where_a_backend_awaits_the_task(self, declare):
        declared = declare(functions.count_to_later, backend="immediate", takes_context=True)
        assert asyncio.run(declared.acall(DjangoTaskContext(task_result=None), 5)) == 5
        assert asyncio.run(declared.acall(attempt(Checkpoint(value=4)), 5)) == 5

    def test_waiting_for_something_is_a_failure(self, immediately):
        """Here nothing would come about meanwhile, and the caller would wait for ever."""
        assert "ContinueLater" in immediately(functions.wait_for_ever)

    def test_a_context_of_ours_is_taken_as_it_is(self, declare):
        context = TaskContext(task_result=None)
        assert declare(functions.give_back, takes_context=True).call(context) is context

    def test_a_task_without_a_context_gets_none(self, declare):
        assert declare(functions.give_back).call(3) == 3

    def test_the_context_is_one_of_django(self):
        assert issubclass(TaskContext, DjangoTaskContext)

    def test_a_direct_call_of_the_function_needs_a_context_only(self):
        """As in a unit test of somebody's task."""
        context = TaskContext(task_result=None)
        assert task(takes_context=True)(functions.loop_over).func(context, "abc") == ["a", "b", "c"]


class TestContinueLater:
    def test_has_a_value_only_if_one_was_given(self):
        assert not ContinueLater().has_value
        assert (ContinueLater(None).has_value, ContinueLater(None).value) == (True, None)

    def test_is_not_swallowed_with_errors(self):
        assert not issubclass(ContinueLater, Exception)


class TestTheCheckpointAsItIsKept:
    def test_is_nothing_where_nothing_was_done(self):
        assert Checkpoint().as_json() is None
        assert Checkpoint.from_json(None) == Checkpoint()

    def test_is_read_as_it_was_written(self):
        checkpoint = Checkpoint(value={"page": 3}, loops=2, mark=5, over="shop.Page by id", cursor="x")
        assert Checkpoint.from_json(checkpoint.as_json()) == checkpoint

    def test_may_have_been_written_by_another_version(self):
        assert Checkpoint.from_json({"cursor": 3, "later": "?"}) == Checkpoint(cursor=3)
