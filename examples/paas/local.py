"""Plays two hosts for a newsletter: one starts its command, the other calls its URL, and what happens is told.

Exits with 0 when what it promises was really seen to work (`missing` in each of paas_parts), else with 1.
Works in a temporary directory, needs no account, and leaves no process behind.
"""

import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

import django

sys.path.append(str(Path(__file__).resolve().parents[1] / "crontab"))  # where the newsletter app is

INTRODUCTION = """\
A newsletter on hosts that run no workers. One starts a command now and then: Scalingo, which has read cron.json. One
calls a URL now and then: Vercel, which has read vercel.json. Both are played on this machine, and here, now and then is
every second or two. All times are UTC.
"""

LEASE_SECONDS = 4  # instead of five minutes


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print(INTRODUCTION, flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="newsletter-") as directory:
            return tell(Path(directory))
    except KeyboardInterrupt:
        print("\nStopped.")
        return 128 + signal.SIGINT


def tell(directory: Path) -> int:
    # Set, not defaulted: whatever the caller's shell has is for another project.
    environment = {
        "DJANGO_SETTINGS_MODULE": "newsletter_paas.settings",
        "NEWSLETTER_DATABASE": str(directory / "db.sqlite3"),
        "NEWSLETTER_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    # Commands that check the settings would say that nobody may call the URL. The hosts do not get this one.
    os.environ.update(environment, TICK_SECRET=secrets.token_urlsafe(32))
    django.setup()
    from paas_parts import story  # models can be imported only now

    return story.tell(environment, directory)


if __name__ == "__main__":
    sys.exit(main())
