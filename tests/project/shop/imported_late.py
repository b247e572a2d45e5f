"""Not a ``tasks`` module, so that it is imported when its task is claimed and no sooner."""

from django.db import connection

from django_tasks_oneshot import task

in_transaction_of_the_claim = connection.in_atomic_block


@task
def late():
    pass
