"""The names of lanes: where the tasks of one backend, queue and priority are. A lane is one range of an index.

Each has a lane beside it for those that a run has claimed. What is due there was left behind by a run that did
not come back, and goes before what waits. Another one is for those of which a message was sent, see dispatch.py.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, unquote

LONGEST_LANE = 255


State = Literal["", "claimed", "dispatched"]


def lane_of(backend_name: str, queue_name: str, priority: int, state: State = "") -> str:
    lane = f"{_quote(backend_name)}/{_quote(queue_name)}/{priority}"
    return f"{lane}/{state}" if state else lane


def parse_lane(lane: str) -> tuple[str, str, int, str]:
    backend_name, queue_name, priority, *state = lane.split("/")
    return _unquote(backend_name), _unquote(queue_name), int(priority), "".join(state)


def _quote(name: str) -> str:
    # Lower case only: MariaDB compares without regard to case, and would take "Mail" and "mail" for one lane.
    return re.sub("[A-Z]", lambda letter: f"~{letter[0].lower()}", quote(name, safe="").replace("~", "%7E"))


def _unquote(name: str) -> str:
    return unquote(re.sub("~(.)", lambda letter: letter[1].upper(), name))
