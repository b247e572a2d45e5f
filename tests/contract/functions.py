"""Functions that the tests make tasks of: at module level, as Django wants them."""

from __future__ import annotations

from django_tasks_oneshot import constant


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
