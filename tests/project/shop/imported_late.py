"""Not a ``tasks`` module, so that it is imported when its task begins and no sooner."""

import os
import signal

from django_tasks_oneshot import task

if os.environ.get("ONESHOT_KILLING_IMPORT"):
    os.kill(os.getpid(), signal.SIGKILL)


@task
def late():
    pass
