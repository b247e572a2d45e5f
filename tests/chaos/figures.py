from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Figures:
    """A session in numbers."""

    tasks: int = 0  # those of schedules too
    executions: int = 0
    kills_at_random: int = 0
    kills_at_points: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    terms: int = 0
    repeats: Counter[str] = field(default_factory=Counter)  # by what explains them; "": nothing does
    lost: int = 0
    fires: int = 0
    doubled: int = 0
    rescues: int = 0
    slowest_rescue: float = 0.0
    rescue_bound: float = 0.0
    seconds: float = 0.0

    def as_json(self) -> str:
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> Figures:
        values = json.loads(text)
        counters = {name: Counter(values[name]) for name in ("kills_at_points", "repeats")}
        return cls(**{**values, **counters})
