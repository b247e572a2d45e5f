"""Intervals in minutes, as hosts spell them. Only those after which a day begins as the one before it did."""

from __future__ import annotations

HOUR, DAY = 60, 1440


def is_regular(minutes: int) -> bool:
    """Whether cron can say it: so many times in an hour, or once in so many hours."""
    return minutes > 0 and (HOUR % minutes == 0 or (minutes % HOUR == 0 and DAY % minutes == 0))


def as_cron(minutes: int) -> str:
    """The five fields of a crontab line.

    >>> as_cron(5), as_cron(120)
    ('*/5 * * * *', '0 */2 * * *')
    """
    if minutes < HOUR:
        return f"{_every(minutes)} * * * *"
    return "0 0 * * *" if minutes == DAY else f"0 {_every(minutes // HOUR)} * * *"


def as_calendar(minutes: int) -> str:
    """OnCalendar of systemd: https://www.freedesktop.org/software/systemd/man/latest/systemd.time.html"""
    if minutes < HOUR:
        return f"*:0/{minutes}"
    return "*-*-* 00:00:00" if minutes == DAY else f"*-*-* 0/{minutes // HOUR}:00:00"


def in_words(minutes: int) -> str:
    for unit, size in (("day", DAY), ("hour", HOUR), ("minute", 1)):
        if minutes % size == 0:
            count = minutes // size
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    raise AssertionError(minutes)


def _every(count: int) -> str:
    return "*" if count == 1 else f"*/{count}"
