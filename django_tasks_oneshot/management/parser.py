from __future__ import annotations

from argparse import ArgumentParser


def answer_in_one_sentence(parser: ArgumentParser) -> None:
    """A mistake is answered without the usage, behind which it would be lost in a log."""
    setattr(parser, "print_usage", lambda file=None: None)  # noqa: B010 - for the type checker it is no attribute
