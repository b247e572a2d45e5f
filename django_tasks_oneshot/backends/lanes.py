"""The names of lanes. A lane is where the tasks of one backend, queue and priority wait: one range of an index."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

LONGEST_LANE = 255


def lane_of(backend_name: str, queue_name: str, priority: int) -> str:
    """The name of the lane in which these tasks wait: one index range to claim from, per queue and priority."""
    return f"{_quote(backend_name)}/{_quote(queue_name)}/{priority}"


def parse_lane(lane: str) -> tuple[str, str, int]:
    backend_name, queue_name, priority = lane.split("/")
    return _unquote(backend_name), _unquote(queue_name), int(priority)


def _quote(name: str) -> str:
    # Lower case only: MariaDB compares without regard to case, and would take "Mail" and "mail" for one lane.
    return re.sub("[A-Z]", lambda letter: f"~{letter[0].lower()}", quote(name, safe="").replace("~", "%7E"))


def _unquote(name: str) -> str:
    return unquote(re.sub("~(.)", lambda letter: letter[1].upper(), name))
