"""Kills runs in the middle of tasks that are to be continued, and judges what was lost or repeated.

    python -m tests.chaos.resume                        on the database of the settings, which must be empty

Exits with 1 when a row was skipped or repeated without a reason, or whatever else verdict.py calls wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

SHORT = {"kills": 4, "single_kills": 4, "terms": 2, "single_rows": 1000, "limit": 300.0}
LEASE = 1  # second


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without the ending of what was started
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.resume.settings"
    os.environ["ONESHOT_LEASE"] = str(LEASE)
    import django

    django.setup()
    from django.db import connection

    from .figures import summary
    from .session import hold

    figures, is_right = hold(options)
    if options.figures:
        options.figures.write_text(json.dumps([vars(each) for each in figures]))
    else:
        print(summary({connection.vendor: figures}))
    return 0 if is_right else 1


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos.resume", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--rows", type=int, default=100_000, help="Of the task that makes checkpoints by default (%(default)s).")
    add("--single-rows", type=int, default=5_000, help="Of the one that makes one after each row (%(default)s).")
    add("--kills", type=int, default=40, help="Of runs of the first one (%(default)s).")
    add("--single-kills", type=int, default=20, help="Of runs of the second one (%(default)s).")
    add(
        "--terms",
        type=int,
        default=8,
        help="Runs of the first to ask to end; half as many of the second (%(default)s).",
    )
    add("--limit", type=float, default=1800.0, help="Seconds after which what is not final is lost (%(default)s).")
    add("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"), help="Deals the same fates another time.")
    add("--short", action="store_true", help="A handful of kills: shows that it works.")
    add("--figures", type=Path, help="A file to write the figures to, instead of a table to the terminal.")
    options = parser.parse_args()
    if options.short:
        vars(options).update(SHORT)
    return options


if __name__ == "__main__":
    sys.exit(main())
