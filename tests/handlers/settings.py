"""The tests' project as a function of Lambda has it: its environment says which tasks and databases there are."""

import json
import os

from tests.project.settings import *  # noqa: F403

ALLOWED_HOSTS = ["*"]
TASKS = {**TASKS, **json.loads(os.environ["ONESHOT_TASKS"])}  # noqa: F405
ONESHOT = {"LAMBDA_MARGIN_SECONDS": float(os.environ["ONESHOT_MARGIN"])}
for database in DATABASES.values():  # noqa: F405
    database["CONN_MAX_AGE"] = None
