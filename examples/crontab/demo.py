"""Plays cron for a newsletter: starts one run after the other, and tells what happens.

Exits with 0 when what it promises was really seen to work (`missing` in each of demo_parts), else with 1.
Works in a temporary directory.
"""
# ruff: noqa: E402 - models can be imported only when Django is set up

import os
import sys
import tempfile
from pathlib import Path

import django

DIRECTORY = tempfile.TemporaryDirectory(prefix="newsletter-")

# Set, not defaulted: whatever the caller's shell has is for another project. The runs inherit both.
os.environ["DJANGO_SETTINGS_MODULE"] = "newsletter_site.settings"
os.environ["NEWSLETTER_DATABASE"] = str(Path(DIRECTORY.name) / "db.sqlite3")
django.setup()

from django.db import connections

from demo_parts import archive, welcome
from demo_parts.stage import DemoFailed, manage, seconds_played

INTRODUCTION = """\
A newsletter on a host where no worker runs: tasks wait in the database, and cron starts short runs.
Here they start every second or two instead of every minute. One that finds nothing due prints nothing, for cron
would mail it. All times are UTC.
"""

CONCLUSION = """
All of it was seen: a failure kept with the time of its retry, runs that waited for that time, the success, a
schedule that fired, and a task that took several runs and did each article once. On your host, this line of the
crontab starts the runs:

  * * * * *  cd /srv/site && .venv/bin/python manage.py run_due_tasks --max-seconds 55"""


def main() -> int:
    try:
        demonstrate()
    except DemoFailed as error:
        print(f"\nThe demo failed. {error}", flush=True)
        return 1
    finally:
        connections.close_all()
        DIRECTORY.cleanup()
    return 0


def demonstrate() -> None:
    print(INTRODUCTION)
    manage("migrate", "--verbosity", "0")
    for play in (welcome.play, archive.play):
        if missing := play().missing():
            raise DemoFailed(f"Not seen in {seconds_played():.0f} seconds: {'; '.join(missing)}.")
    print(CONCLUSION)


if __name__ == "__main__":
    sys.exit(main())
