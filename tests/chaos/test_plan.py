from __future__ import annotations

from collections import Counter
from random import Random

from .plan import SPARED, Plan
from .points import ANYWHERE, NAMES


def plan(points=NAMES, **counts):
    return Plan(Random(1), points=points, **{"kills": 0, "freezes": 0, "terms": 0, **counts})


def fates(plan):
    while plan.owed:
        yield plan.deal()


def test_half_of_the_kills_are_at_points_and_each_point_is_among_them():
    kills = [each for each in fates(plan(kills=12)) if each.action == "kill"]
    assert Counter(each.point for each in kills) == {"": 6, **dict.fromkeys(NAMES, 1)}


def test_an_executor_that_is_not_ours_has_the_points_that_all_have():
    dealt = list(fates(plan(points=ANYWHERE, kills=8, freezes=2)))
    assert {each.point for each in dealt if each.action == "kill"} == {"", *ANYWHERE}
    assert {each.point for each in dealt if each.action == "freeze"} == {"in-task"}


def test_what_a_run_did_not_meet_is_dealt_again_for_an_earlier_moment():
    one = plan(kills=2)
    first = next(each for each in fates(one) if each.point)
    one.put_back(first)
    (again,) = fates(one)
    assert (again.action, again.point) == (first.action, first.point)
    assert again.count <= max(1, first.count // 2)


def test_when_all_is_dealt_runs_are_spared():
    assert plan().deal() == SPARED
    assert plan().progress == 1
