"""Kills, freezes and stops runs whose tasks are messages of SQS, and judges what came of them.

    python -m tests.servers sqlite -- python -m tests.chaos.sqs

Two sessions: one in which SQS refuses requests, so that each repeat of a task needs a reason; and one in which its
answers are lost, and messages delivered twice, too. In both there are messages that no task can be made of.

Exits with 1 when a task was lost or repeated without a reason, or whatever else verdict.py calls wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from .figures import summary

FAULTS = ("failures", "all")
SHORT = {
    "tasks": 150,
    "kills": 18,
    "freezes": 2,
    "terms": 2,
    "lease": 3.0,
    "max_seconds": 3.0,
    "limit": 400.0,
    "bodies": 48,
}


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without the ending of what was started
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
    from .queues import bad_day

    with bad_day(results=False, lease=options.lease, seed=options.seed) as day:
        import django

        django.setup()
        from .session import hold

        figures, is_right = hold(options, day)
    if options.figures:
        options.figures.write_text(json.dumps([asdict(each) for each in figures]))
    else:
        print(summary(figures))
    return 0 if is_right else 1


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos.sqs", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--tasks", type=int, default=1_500, help="How many to enqueue, besides those of schedules (%(default)s).")
    add("--kills", type=int, default=90, help="Half of them at named points, half at random (%(default)s).")
    add("--freezes", type=int, default=10, help="Runs to stop for longer than the lease, then go on (%(default)s).")
    add("--terms", type=int, default=20, help="Runs to ask to end (%(default)s).")
    add("--bodies", type=int, default=240, help="Messages that no task can be made of (%(default)s).")
    add("--runs", type=int, default=4, help="How many are alive at a time (%(default)s).")
    add("--max-seconds", type=float, default=8.0, help="The longest --max-seconds of a run (%(default)s).")
    add("--lease", type=float, default=10.0, help="In seconds (%(default)s).")
    add("--limit", type=float, default=1800.0, help="Seconds after which what has not ended is lost (%(default)s).")
    add("--faults", nargs="*", choices=FAULTS, default=FAULTS, help="One session each (%(default)s).")
    add("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"), help="Deals the same fates another time.")
    add("--short", action="store_true", help="Each named point once: shows that it works, in half a minute each.")
    add("--figures", type=Path, help="A file to write the figures to, instead of a table to the terminal.")
    options = parser.parse_args()
    if options.short:
        vars(options).update(SHORT)
    return options


if __name__ == "__main__":
    sys.exit(main())
