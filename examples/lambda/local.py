"""Plays AWS for a newsletter: its functions are called as Lambda calls them, and what happens is told.

Exits with 0 when what it promises was really seen to work (`missing` in each of local_parts), else with 1.
Works in a temporary directory, needs no account, and leaves no process behind.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

import django

sys.path.append(str(Path(__file__).resolve().parents[1] / "crontab"))  # where the newsletter app is

from local_parts.stack import Stack, open_stack

INTRODUCTION = """\
A newsletter on AWS Lambda: there are three functions, and no process that runs all the time. Here they run in AWS's own
runtime client, and AWS is played on this machine, without an account. All times are UTC.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the newsletter as on AWS Lambda, on this machine.")
    parser.add_argument("--serve", action="store_true", help="stay until Ctrl-C, for you to try it out")
    is_to_stay = parser.parse_args().serve
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print(INTRODUCTION, flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="newsletter-") as directory, open_stack(Path(directory)) as stack:
            return tell(stack, is_to_stay=is_to_stay)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0 if is_to_stay else 128 + signal.SIGINT


def tell(stack: Stack, *, is_to_stay: bool) -> int:
    # Set, not defaulted: whatever the caller's shell has is for another project, and for another account.
    os.environ.update(stack.environment)
    django.setup()
    from local_parts import story  # models can be imported only now

    return story.tell(stack, is_to_stay=is_to_stay)


if __name__ == "__main__":
    sys.exit(main())
