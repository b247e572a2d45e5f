"""Tasks for the tests. What they do wrong is the point."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone, translation

from django_tasks_oneshot import ContinueLater, Cron, Discard, Retry, TaskInterrupted, TaskTimeout, constant, task
from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.contract.values import LARGEST_JSON
from django_tasks_oneshot.models import StoredTask

from .models import Execution, Parcel


def note(text):
    Execution.objects.create(note=text, process=os.getpid())


@task
def noop():
    pass


@task
def add(a, b=0):
    return a + b


@task
async def add_later(a, b):
    await asyncio.sleep(0)
    return a + b


@task(queue_name="mail", priority=10)
def send_mail(to):
    return f"sent to {to}"


@task
def write_down(text):
    note(text)


@task(max_attempts=50, backoff=constant(0))
def write_down_stubbornly(text):
    note(text)


@task(takes_context=True)
def tell_attempt(context, *, fail_until=1):
    if context.attempt < fail_until:
        raise ValueError(f"attempt {context.attempt}")
    return [context.attempt, len(context.task_result.errors)]


@task(max_attempts=3, backoff=constant(60))
def fail_and_wait():
    raise ValueError("not yet")


@task(max_attempts=3, backoff=constant(0))
def fail_at_once():
    raise ValueError("again")


@task(max_attempts=5, backoff=constant(0))
def discard():
    raise Discard("nobody wants it")


@task(takes_context=True)
def tell_fire_time(context):
    return context.scheduled_for and context.scheduled_for.isoformat()


@task(takes_context=True)
def retry_once(context):
    if context.attempt == 1:
        raise Retry(after=0)
    return "second"


def broken_backoff(exception, task_result):
    raise LookupError("the backoff is broken")


@task(max_attempts=3, backoff=broken_backoff)
def fail_with_broken_backoff():
    raise ValueError("the task is broken")


def seen_by_backoff(exception, task_result):
    note(f"{type(exception).__name__} {task_result.status} {len(task_result.errors)} {task_result.attempts}")
    return 0 if task_result.attempts < 2 else None


@task(max_attempts=10, backoff=seen_by_backoff)
def fail_watched():
    raise ValueError("watched")


@task(schedule=Cron("0 7 * * mon-fri", timezone="Europe/London"))
def digest():
    note("digest")


@task(backend="foreign")
def send_elsewhere(name):
    """Nothing here executes it."""


# What ends a task


class Mute(Exception):
    def __str__(self):
        raise SystemExit("not even this")


def _local_class():
    class Local(Exception):
        pass

    return Local("nobody can import me")


def _recurse():
    return _recurse()


RAISES = {
    "SystemExit": lambda: sys.exit("bye"),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "GeneratorExit": lambda: _raise(GeneratorExit()),
    "RecursionError": _recurse,
    "MemoryError": lambda: _raise(MemoryError()),
    "Mute": lambda: _raise(Mute()),
    "Local": lambda: _raise(_local_class()),
    "huge": lambda: _raise(ValueError("x" * 10_000_000)),
    "NUL": lambda: _raise(ValueError("a\0b")),
    "surrogate": lambda: _raise(ValueError("a\ud800b")),
    "emoji": lambda: _raise(ValueError("🐍")),
    "group": lambda: _raise(BaseExceptionGroup("several", [ValueError("one"), SystemExit()])),
}


def _raise(exception):
    raise exception


@task
def raise_(kind):
    RAISES[kind]()


RETURNS = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "object": object(),
    "bytes": b"\xff",
    "large": "x" * 20_000_000,
    "NUL": "a\0b",
    "surrogate": "\ud800",
    "int keys": {1: "one"},
    "tuple": (1, 2),
    "emoji": "🐍",
    "None": None,
}


@task
def return_(kind):
    return RETURNS[kind]


# What a task leaves behind


def _close():
    connection.close()


def _close_underneath():
    connection.ensure_connection()
    connection.connection.close()


def _autocommit_off():
    transaction.set_autocommit(False)
    note("lost with autocommit off")


def _open_atomic():
    transaction.atomic().__enter__()
    note("lost in an open atomic")


def _broken_atomic():
    transaction.atomic().__enter__()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")
    except Exception:
        transaction.set_rollback(True)


def _raw_begin():
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    note("lost after a raw BEGIN")


def _unfinished_query():
    next(iter(Group.objects.raw("SELECT 1 AS id")), None)


def _activate():
    timezone.activate("Asia/Kathmandu")
    translation.activate("de")


def _environment():
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()


def _signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def _alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.2)


def _fork():
    if os.fork() == 0:
        sys.exit("the child of a task")
    os.wait()


def _child_that_is_told_to_end():
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, b"x")
        time.sleep(3600)
    os.read(readable, 1)
    os.kill(child, signal.SIGTERM)  # as multiprocessing.Pool.terminate() does
    os.waitpid(child, 0)


def _break_other_connections():
    """What a server's timeout, a pooler or a failover does to a run while a long task runs."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        elif connection.vendor == "mysql":
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE user = 'oneshot' AND id <> CONNECTION_ID()"
            )
            for (number,) in cursor.fetchall():
                with contextlib.suppress(DatabaseError):
                    cursor.execute(f"KILL {number}")


def _thread():
    threading.Thread(target=time.sleep, args=(3600,), name="left-behind").start()


LEAVES = {
    "closed connection": _close,
    "connection closed underneath": _close_underneath,
    "autocommit off": _autocommit_off,
    "open atomic": _open_atomic,
    "broken atomic": _broken_atomic,
    "raw BEGIN": _raw_begin,
    "unfinished query": _unfinished_query,
    "time zone and language": _activate,
    "TZ": _environment,
    "working directory": lambda: os.chdir("/"),
    "signal handlers": _signals,
    "a warning": lambda: warnings.warn("look out", RuntimeWarning, stacklevel=1),
    "alarm": _alarm,
    "forked child": _fork,
    "child that is told to end": _child_that_is_told_to_end,
    "broken connections of others": _break_other_connections,
    "thread": _thread,
}


@task
def leave_behind(kind):
    LEAVES[kind]()
    return kind


# What takes time


@task
def sleep(seconds):
    time.sleep(seconds)
    note("slept")


@task
def wait_for_file(path):
    while not Path(path).exists():
        time.sleep(0.02)


@task
def write_down_and_wait(path):
    note("began")
    wait_for_file.func(path)


@task
def kill_own_process():
    os.kill(os.getpid(), signal.SIGKILL)


@task(max_interruptions=0)
def kill_own_process_at_most_once():
    os.kill(os.getpid(), signal.SIGKILL)


not_a_task = noop.func


@task
def raise_signal(name):
    signal.raise_signal(signal.Signals[name])


@task
def enqueue_another():
    noop.enqueue()


@task(takes_context=True)
def lose_own_lease(context):
    """Another run takes this task while it runs, as after a pause that was longer than the lease."""
    StoredTask.objects.filter(pk=context.task_result.id).update(due_at=timezone.now() - timedelta(seconds=1))
    assert task_backends["default"].open_store(Claimant(worker_id="other")).claim(1)


@task
def host_clock():
    return time.time()


@task
def tell_connection():
    connection.ensure_connection()
    return id(connection.connection)


@task
def create_group(name):
    with contextlib.suppress(IntegrityError):
        Group.objects.create(name=name)


@task
def is_imported(module):
    return module in sys.modules


@task
def remove_working_directory():
    Path.cwd().rmdir()


@task
def run_other_backend_after_a_signal():
    signal.raise_signal(signal.SIGTERM)
    call_command("run_due_tasks", backend="any_queue", verbosity=0)


class LongLogging(logging.Handler):
    def emit(self, record):
        if threading.current_thread() is threading.main_thread():  # the task's, once
            time.sleep(3600)


@task
def log_for_ever():
    logger = logging.getLogger()
    logger.addHandler(handler := LongLogging())
    note("logging")
    try:
        logger.warning("whoever logs after this waits for its lock")
    finally:
        logger.removeHandler(handler)


@task
def run_other_backend():
    call_command("run_due_tasks", backend="any_queue", verbosity=0)


# What goes on over several runs


def after_each_parcel(parcel):
    """For tests to replace."""


def after_each_number():
    """For tests to replace."""


def deliver(parcel):
    note(parcel.code)
    after_each_parcel(parcel)


@task(takes_context=True)
def deliver_all(context, checkpoint_every=0.5):
    for parcel in context.resume(Parcel.objects.order_by("pk"), key="pk", checkpoint_every=checkpoint_every):
        deliver(parcel)
    return "all delivered"


@task(takes_context=True, timeout=10)
def deliver_all_with_timeout(context):
    deliver_all.func(context)


@task(takes_context=True, timeout=500)
def deliver_all_with_long_timeout(context):
    deliver_all.func(context)


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def deliver_all_and_fail_once(context, code):
    for parcel in context.resume(Parcel.objects.all()):
        if parcel.code == code and context.attempt == 1:
            raise ValueError("broken on the way")
        deliver(parcel)


@task(takes_context=True)
def deliver_all_and_be_killed(context, code):
    for parcel in context.resume(Parcel.objects.all(), checkpoint_every=0):
        deliver(parcel)
        if parcel.code == code and context.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def deliver_all_in_atomic(context):
    with transaction.atomic():
        deliver_all.func(context)


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def deliver_all_in_late_atomic(context):
    parcels = context.resume(Parcel.objects.all())
    with transaction.atomic():
        for parcel in parcels:
            deliver(parcel)


@task(takes_context=True)
def deliver_each_in_atomic(context):
    for parcel in context.resume(Parcel.objects.all(), checkpoint_every=0):
        with transaction.atomic():
            deliver(parcel)


@task(takes_context=True, timeout=0.3, max_attempts=2, backoff=constant(0))
def deliver_all_whatever_happens(context):
    for parcel in context.resume(Parcel.objects.all()):
        with contextlib.suppress(Exception):
            deliver(parcel)
            if parcel.code == "c" and context.attempt == 1:
                time.sleep(3600)


@task(takes_context=True)
def deliver_in_order_of(context, key, order):
    for parcel in context.resume(Parcel.objects.order_by(order), key=key, checkpoint_every=0):
        deliver(parcel)


@task(takes_context=True)
async def deliver_all_later(context):
    async for parcel in context.aresume(Parcel.objects.all(), checkpoint_every=0):
        await sync_to_async(deliver)(parcel)


@task(takes_context=True)
def deliver_twice(context):
    """The first loop is left when it is at its third parcel."""
    for parcel in context.resume(Parcel.objects.all()):
        deliver(parcel)
        if parcel.code == "c":
            break
    for parcel in context.resume(Parcel.objects.order_by("-pk")):
        deliver(parcel)


@task(takes_context=True)
def count_to(context, end, wait=0):
    """By hand: the value is a number, and each number is an attempt."""
    number = (context.checkpoint_value or 0) + 1
    note(number)
    after_each_number()
    if number < end:
        raise ContinueLater(number, after=wait)
    return number


CHECKPOINTS = {
    "in atomic": lambda context: _checkpoint_in_atomic(context),
    "in another thread": lambda context: _checkpoint_in_thread(context),
    "of NaN": lambda context: context.checkpoint(float("nan")),
    "without a lease": lambda context: _checkpoint_without_lease(context),
    "and fail": lambda context: (context.checkpoint(1), _raise(ValueError())),
    "and hang": lambda context: (context.checkpoint(1), time.sleep(60)),
    "and tell the connection": lambda context: (tell_connection.func(), context.checkpoint(1))[0],
    "by continuing with nothing": lambda context: _raise(ContinueLater()),
    "and back": lambda context: (context.checkpoint("sending"), context.checkpoint(None)),
    "that is as large as can be": lambda context: context.checkpoint("x" * (LARGEST_JSON - 10)),
    "in a group": lambda context: _raise(BaseExceptionGroup("tasks", [ContinueLater(7, after=60)])),
    "of a loop in an if": lambda context: _loop_in_an_if(context),
    "of the first loop only": lambda context: _leave_out_the_second(context),
    "that is kept": lambda context: _checkpoint_and_look(context),
    "after a time that is none": lambda context: _raise(ContinueLater(1, after="soon")),
    "after a value that is none": lambda context: _raise(ContinueLater(object())),
    "in a loop in a loop": lambda context: _nest(context),
}


@task(takes_context=True)
def make_checkpoint(context, how):
    return CHECKPOINTS[how](context)


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def make_checkpoint_twice(context, how):
    return CHECKPOINTS[how](context)


def _loop_in_an_if(context):
    if context.checkpoint_value is None:
        for _ in context.resume(Parcel.objects.all()):
            pass
        context.checkpoint("the first is over")
    for _ in context.resume([1, 2, 3]):
        raise ValueError("on the way")


def _leave_out_the_second(context):
    for _ in context.resume([1, 2, 3]):
        pass
    if context.attempt == 1:
        for number in context.resume([1, 2, 3]):
            if number == 2:
                raise ValueError("on the way")


@task(takes_context=True)
async def make_checkpoint_later(context, how):
    if how == "the right way":
        await context.acheckpoint(3)
        return context.checkpoint_value
    return context.checkpoint(3) if how == "checkpoint" else list(context.resume([1, 2], checkpoint_every=0))


def _checkpoint_in_atomic(context):
    with transaction.atomic():
        note("rolled back")
        context.checkpoint(1)


def _checkpoint_in_thread(context):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(context.checkpoint, 1).result()


def _checkpoint_without_lease(context):
    lose_own_lease.func(context)
    context.checkpoint(1)
    note("went on")


def _checkpoint_and_look(context):
    context.checkpoint({"page": (1, 2)})
    return [context.checkpoint_value, StoredTask.objects.get(pk=context.task_result.id).checkpoint["value"]]


def _nest(context):
    for _ in context.resume([1, 2]):
        for _ in context.resume([1, 2]):
            pass


@task(takes_context=True)
def tell_time(context):
    return [context.remaining_seconds, context.should_stop(), context.should_stop(100)]


# What takes its time


def take_seconds(seconds):
    """For tests to replace."""


@task
def take(seconds):
    note(f"took {seconds}")
    take_seconds(seconds)


@task
def take_more(seconds):
    note(f"took {seconds} more")
    take_seconds(seconds)


@task(timeout=30)
def take_with_timeout(seconds):
    note(f"took {seconds} of 30")
    take_seconds(seconds)


@task(timeout=500)
def take_with_long_timeout(seconds):
    note(f"took {seconds} of 500")
    take_seconds(seconds)


# What takes longer than it may


@task(timeout=0.3)
def hang_with_timeout(how, seconds=3600):
    hang.func(how, seconds)


@task(timeout=3600)
def hang_at_most_for_an_hour():
    time.sleep(7200)


@task(timeout=0.3, max_attempts=2, backoff=constant(0))
def hang_once(seconds=3600):
    if not Execution.objects.exists():
        hang.func("sleep", seconds)


@task(timeout=0.3)
async def hang_async_with_timeout():
    await hang_async.func()


@task(timeout=0.3)
def swallow_timeouts(seconds, and_raise=""):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except Exception as error:
            note(f"swallowed {type(error).__name__}")
            if and_raise:
                raise_signal.func(and_raise)


@task(timeout=0.3)
def hold_on_with_timeout(seconds):
    hold_on.func(seconds)


@task(timeout=0.3)
def return_what_there_is():
    try:
        time.sleep(3600)
    except TaskTimeout:
        return "as far as I got"


# What is interrupted


@task
def hang(how, seconds=3600):
    """Notes how it was ended, from inside."""
    try:
        HANGS[how](seconds)
    except BaseException as error:
        note(f"{how}: {type(error).__name__}")
        raise


@task(max_interruptions=0)
def hang_at_most_once():
    time.sleep(3600)


@task
async def hang_async(seconds=3600):
    try:
        await asyncio.sleep(seconds)
    except BaseException as error:
        await Execution.objects.acreate(note=f"async: {type(error).__name__}", process=os.getpid())
        raise


@task
def hold_on(seconds):
    """Swallows whatever is raised in it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:
            note("held on")


@task
def interrupt_itself():
    raise TaskInterrupted("deadline", "its own")


@task
def clean_up_and_return():
    try:
        time.sleep(3600)
    except TaskInterrupted:
        return "as far as I got"


def _loop(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            sum(range(1000))


def _loop_that_lets_through(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))


def _in_atomic(seconds):
    with transaction.atomic():
        note("rolled back")
        time.sleep(seconds)


def _wrap(seconds):
    try:
        time.sleep(seconds)
    except BaseException as error:
        raise RuntimeError("a library's own") from error


def _query(seconds):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def _copy(seconds):
    until = time.monotonic() + seconds
    with connection.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN") as copy:
        while time.monotonic() < until:
            time.sleep(0.001)
            copy.write_row(["x"])


def _query_in_atomic(seconds):
    with transaction.atomic():
        note("rolled back")
        _query(seconds)


HANGS = {
    "copy": _copy,
    "query in atomic": _query_in_atomic,
    "query": _query,
    "sleep": time.sleep,
    "loop": _loop,
    "loop_that_lets_through": _loop_that_lets_through,
    "lock": lambda seconds: threading.Semaphore(0).acquire(timeout=seconds),
    "atomic": _in_atomic,
    "wrapped": _wrap,
}


# What is large


@task
def write_down_size(text):
    note(len(text))


# What fails once


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def tell_attempt_of(context, text):
    if context.attempt == 1:
        raise ValueError(text)


@task(takes_context=True, max_attempts=2, backoff=constant(1))
def fail_once_and_wait_a_second(context):
    if context.attempt == 1:
        raise ValueError("once")


@task(max_attempts=12, backoff=constant(0))
def fail_at_length():
    raise ValueError("x" * 10_000)


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def keep_too_much(context, how):
    """More than a message takes, and not more than a row does."""
    note(context.attempt)
    value = "x" * 2_000_000
    if context.attempt == 1 and how == "checkpoint":
        context.checkpoint(value)
    if context.attempt == 1 and how == "continue":
        raise ContinueLater(value)
    return context.checkpoint_value


@task(takes_context=True)
def walk(context, end):
    for number in context.resume(range(1, end + 1)):
        note(number)
        after_each_number()


@task(takes_context=True, max_attempts=2, backoff=constant(0))
def write_down_in_attempts(context, text):
    note(f"{text} {context.attempt}")
    if context.attempt == 1:
        raise ValueError(text)
