"""What is to become of each run. Seeded: the same seed deals the same fates in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from .points import FREEZING


@dataclass(frozen=True, kw_only=True)
class Fate:
    """``kill`` and ``freeze`` at the ``count``-th passing of ``point``; without one, at ``moment`` of a run.

    ``moment`` is a share of the seconds that the run may take, from its start or from when it is seen to be busy.
    """

    action: str = ""  # kill, freeze, term, or nothing
    point: str = ""
    count: int = 0
    moment: float = 0.0
    when_busy: bool = False

    @property
    def trap(self) -> str:
        return f"{self.action} {self.point} {self.count}" if self.point else ""


SPARED = Fate()


class Plan:
    """Fates to deal. One that did not come about, since its run ended before it, is dealt again."""

    def __init__(self, random: Random, *, kills: int, freezes: int, terms: int, points: Sequence[str]) -> None:
        self.random = random
        at_points = kills // 2 if points else 0
        self.owed = [
            *(self._at("kill", point) for point in islice(cycle(points), at_points)),
            *(Fate(action="kill", moment=random.random()) for _ in range(kills - at_points)),
            *(Fate(action="term", moment=random.random() / 4) for _ in range(terms)),
            *(self._at("freeze", point) for point in islice(cycle(self._freezing(points)), freezes)),
        ]
        self.owed += [SPARED] * (len(self.owed) // 5)
        random.shuffle(self.owed)
        # Half of the freezes come first: a session must wait for the last of them.
        self.owed.sort(key=lambda fate: fate.action != "freeze" or random.random() < 0.5)
        self.total = len(self.owed)

    @property
    def progress(self) -> float:
        return 1 - len(self.owed) / self.total if self.total else 1.0

    def deal(self) -> Fate:
        return self.owed.pop(0) if self.owed else SPARED

    def put_back(self, fate: Fate) -> None:
        """It is dealt again later, and a named point is then to be passed less often."""
        again = self._at(fate.action, fate.point, most=max(1, fate.count // 2)) if fate.point else fate
        self.owed.insert(self.random.randint(0, len(self.owed)), again)

    def _at(self, action: str, point: str, most: int = 30) -> Fate:
        return Fate(action=action, point=point, count=self.random.randint(1, min(most, _OFTEN.get(point, most))))

    def _freezing(self, points: Sequence[str]) -> list[str]:
        return [each for each in FREEZING if each in points] or [FREEZING[0]]


#: A run passes these points seldom.
_OFTEN = {"after-claim": 5, "in-tick": 1}
