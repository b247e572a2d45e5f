from __future__ import annotations

import os
import signal
import sys
import time

from django.db import connection

from django_tasks_oneshot import task


@task
def imported(name):
    return name in sys.modules


@task
def session():
    """Which connection to PostgreSQL this is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


@task(max_interruptions=1)
def outlast():
    time.sleep(60)


@task(takes_context=True)
def die_once(context):
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return context.attempt


@task(takes_context=True)
def count_to(context, last):
    done = []
    for number in context.resume(range(last)):
        time.sleep(0.1)
        done.append(number)
    return done[-1]
