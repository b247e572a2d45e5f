"""The context of a task where nothing can be continued, and loops over what is no queryset."""

from __future__ import annotations

import asyncio
import math

import pytest

from django_tasks_oneshot import ContinueLater, TaskContext, task
from django_tasks_oneshot.compat import TaskContext as DjangoTaskContext
from django_tasks_oneshot.contract.progress import Checkpoint, Progress
from django_tasks_oneshot.contract.resume import aresume, resume

from . import functions


def done(count, items, key=None):
    """The checkpoint of an attempt that has done so many of these items, and was then ended."""
    checkpoint = Checkpoint()
    for number, _ in enumerate(resume(Progress(checkpoint), items, key, 0)):
        if number == count:
            break
    return checkpoint


def rest(checkpoint, items, key=None):
    return list(resume(Progress(checkpoint), items, key, 0))


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
        assert rest(done(2, page, lambda row: row["id"]), page[1:], lambda row: row["id"]) == page[2:]

    def test_take_the_name_of_an_attribute_as_key(self):
        letters = [Letter(each) for each in "abc"]
        assert rest(done(1, letters, "name"), letters, "name") == letters[1:]

    def test_say_that_the_last_item_is_gone_instead_of_leaving_out_all(self):
        with pytest.raises(ValueError, match="the item with the key 'b', which was done last, is not there any more"):
            rest(done(2, "abcde", str), "acde", str)

    @pytest.mark.parametrize("key", [lambda item: None, lambda item: object(), lambda item: float("nan")])
    def test_refuse_a_key_that_cannot_be_kept(self, key):
        with pytest.raises(ValueError, match=r"the key of an item is None|has no JSON form"):
            rest(Checkpoint(), "abc", key)

    @pytest.mark.parametrize("items", [{1, 2}, frozenset("ab"), {"a": 1}.keys()])
    def test_refuse_a_set(self, items):
        if isinstance(items, type({}.keys())):
            assert rest(Checkpoint(), items) == ["a"]  # it has an order
            return
        with pytest.raises(ValueError, match=r"write sorted\(...\)"):
            rest(Checkpoint(), items)

    @pytest.mark.parametrize("seconds", [-1, math.nan])
    def test_refuse_a_time_that_is_none(self, seconds):
        with pytest.raises(ValueError, match="is not a number of seconds"):
            list(resume(Progress(Checkpoint()), "abc", None, seconds))

    def test_that_are_over_give_nothing_again(self):
        checkpoint = Checkpoint()
        progress = Progress(checkpoint)
        assert [*resume(progress, "ab", None, 0), *resume(progress, "cd", None, 0)] == list("abcd")
        progress = Progress(checkpoint)
        assert [list(resume(progress, each, None, 0)) for each in ("ab", "cd", "ef")] == [[], [], ["e", "f"]]

    def test_are_told_apart_by_their_order(self):
        checkpoint = Checkpoint()
        progress = Progress(checkpoint)
        list(resume(progress, "abc", None, 0))
        next(loop := resume(progress, "xyz", None, 0))
        next(loop)
        progress = Progress(checkpoint)
        assert list(resume(progress, "abc", None, 0)) == []
        assert list(resume(progress, "xyz", None, 0)) == ["y", "z"]

    def test_write_down_nothing_of_an_item_that_is_not_done(self):
        checkpoint = Checkpoint()
        loop = resume(Progress(checkpoint), "abc", None, 0)
        next(loop)
        assert checkpoint.cursor is None
        next(loop)
        assert checkpoint.cursor == 1


class TestAsyncLoops:
    def collect(self, checkpoint, items, stop=math.inf):
        async def collect():
            seen = []
            async for item in aresume(Progress(checkpoint), items, None, 0):
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

    def test_may_follow_each_other_after_a_break(self):
        async def both():
            progress, seen = Progress(Checkpoint()), []
            for letters in ("ab", "cd"):
                async for item in aresume(progress, letters, None, 0):
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

    def test_a_checkpoint_is_there_as_long_as_the_task(self, immediately):
        assert immediately(functions.make_checkpoint) == [None, {"page": [1, 2]}, None, False, 1]

    def test_continuing_is_done_at_once(self, immediately):
        assert immediately(functions.count_to, 5) == 5
        assert immediately(functions.count_to_later, 5) == 5

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
        checkpoint = Checkpoint(value={"page": 3}, loop=1, cursor="x")
        assert Checkpoint.from_json(checkpoint.as_json()) == checkpoint

    def test_may_have_been_written_by_another_version(self):
        assert Checkpoint.from_json({"cursor": 3, "later": "?"}) == Checkpoint(cursor=3)
