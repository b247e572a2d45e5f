from __future__ import annotations

from collections import Counter
from random import Random

from .. import ledger
from . import diary
from .fates import Fates


def fates(**counts):
    return Fates(Random(1), **{"kills": 0, "terms": 0, **counts})


def test_kills_come_at_any_moment_and_most_of_them_in_the_task():
    kills = [each for each in fates(kills=40, terms=8).owed if each.action == "kill"]
    in_task = Counter(each.when_busy for each in kills)
    assert len(kills) == 40
    assert in_task[True] > in_task[False] > 0


def test_nobody_is_told_to_end_before_there_is_a_task():
    terms = [each for each in fates(terms=8).owed if each.action == "term"]
    assert [each.when_busy for each in terms] == [True] * 8


def test_a_fate_that_missed_the_task_comes_at_another_moment():
    one = fates(kills=1)
    fate = one.deal()
    one.put_back(fate)
    (again,) = one.owed
    assert (again.action, again.when_busy) == ("kill", True)
    assert again.moment != fate.moment


def test_the_diary_says_what_was_written(tmp_path, monkeypatch):
    path = tmp_path / "rows"
    path.touch()
    monkeypatch.setenv(diary.DIARY, str(path))
    monkeypatch.setenv(ledger.RUN, "t-1")
    assert diary.latest_row(path) == 0
    diary.row_is_done(3, 41)
    diary.row_is_done(3, 42)
    diary.checkpoint_is_kept(3, 42)
    assert diary.latest_row(path) == 42
    diary.checkpoint_is_kept(3, None)
    found = list(diary.read(path))
    assert [each[:4] for each in found] == [
        ("r", "t-1", 3, 41),
        ("r", "t-1", 3, 42),
        ("c", "t-1", 3, 42),
        ("c", "t-1", 3, None),
    ]
    assert [each.at for each in found] == sorted(each.at for each in found)
