from __future__ import annotations

from datetime import UTC, datetime


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fire_times(rule, after, count):
    found = [rule.next_after(after)]
    while len(found) < count:
        found.append(rule.next_after(found[-1]))
    return found
