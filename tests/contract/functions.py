"""Functions that the tests make tasks of: at module level, as Django wants them."""

from __future__ import annotations

import math

from django_tasks_oneshot import ContinueLater, constant


def send(user_id=0):
    return user_id


def fetch(url="http://example.com"):
    return url


async def wait():
    return "waited"


def tell_attempt(context):
    return context.attempt


def wait_a_minute(exception, task_result):
    return 60


class Unhashable:
    """A backoff that cannot be in a set."""

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    __hash__ = None

    def __call__(self, exception, task_result):
        return 1


default_backoff = constant(90)
not_a_backoff = "soon"


def needs_a_user(user_id):
    pass


def needs_its_context(context, user_id=None):
    pass


def loop_over(context, items):
    return list(context.resume(items))


async def loop_over_later(context, items):
    return [each async for each in context.aresume(items)]


async def loop_over_in_vain(context, items):
    return list(context.resume(items))


def change_checkpoint_value(context):
    context.checkpoint({"page": 1})
    context.checkpoint_value["page"] = 2
    return context.checkpoint_value


def make_checkpoint(context):
    before = context.checkpoint_value
    context.checkpoint({"page": (1, 2)})
    context.checkpoint()
    left = None if context.remaining_seconds == math.inf else context.remaining_seconds
    return [before, context.checkpoint_value, left, context.should_stop(3600), context.attempt]


def count_to(context, end):
    number = (context.checkpoint_value or 0) + 1
    if number < end:
        raise ContinueLater(number)
    return number


async def count_to_later(context, end):
    number = (context.checkpoint_value or 0) + 1
    if number < end:
        raise ContinueLater(number)
    return number


def wait_for_ever(context):
    raise ContinueLater(after=60)


def give_back(context):
    return context
