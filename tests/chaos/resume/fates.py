from __future__ import annotations

from dataclasses import replace
from random import Random

from ..plan import Fate, Plan

AT_ANY_MOMENT = 0.2  # of the kills: from the start of Python on


class Fates(Plan):
    """Most come when the task is under way; those that missed it, at another moment of it."""

    def __init__(self, random: Random, *, kills: int, terms: int) -> None:
        super().__init__(random, kills=kills, freezes=0, terms=terms, points=())
        self.owed = [
            each if each.action == "kill" and random.random() < AT_ANY_MOMENT else self._when_busy(each)
            for each in self.owed
        ]

    def put_back(self, fate: Fate) -> None:
        super().put_back(self._when_busy(fate))

    def _when_busy(self, fate: Fate) -> Fate:
        return replace(fate, when_busy=True, moment=self.random.uniform(0, 0.9))
