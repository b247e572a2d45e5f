from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def metrics_of(alarms: Iterable[Mapping[str, Any]]) -> int:
    """How many metrics they look at: that is what AWS charges for."""
    return sum(sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1 for alarm in alarms)
