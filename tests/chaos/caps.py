"""How often the tasks of a session may be interrupted.

Not in ``tasks.py``: the verdicts are tested in processes that must not declare its schedules.
"""

from __future__ import annotations

NEVER_GIVE_UP = 1000  # no number of kills may make a task fail
LAST_CHANCES = 2
