from __future__ import annotations

import pytest

from django_tasks_oneshot.backends.lanes import LONGEST_LANE, lane_of, parse_lane
from django_tasks_oneshot.models import StoredTask


@pytest.mark.parametrize(
    "lane",
    [("default", "default", 0), ("a/b", "c", -100), ("a", "b/c", 100), ("%2F", "with space", 1), ("~m", "M~", 0)],
)
def test_a_name_tells_what_it_was_made_of(lane):
    for state in ("", "claimed", "dispatched"):
        assert parse_lane(lane_of(*lane, state)) == (*lane, state)


def test_names_differ_for_a_database_that_does_not_regard_case():
    assert lane_of("default", "Mail", 0).lower() != lane_of("default", "mail", 0).lower()


def test_the_longest_name_fits_its_column():
    assert StoredTask._meta.get_field("lane").max_length == LONGEST_LANE
