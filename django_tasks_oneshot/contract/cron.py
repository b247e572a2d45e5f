from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from ..compat import InvalidTask
from .crontab import Crontab, parse
from .schedule import Rule
from .walls import last_fixed, last_shown, next_fixed, next_shown, zone_of

ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cron(Rule):
    """Fires by a crontab line: five fields, or ``@hourly`` to ``@yearly``; with ``L`` and ``#`` besides.

    ``timezone`` is an IANA name, by default the project's ``TIME_ZONE``. For the other arguments see `Rule`.

    Where a clock is changed it does as Debian's cron, see cron(8): a line whose minute or hour begins with a star goes
    by what the clock shows. Of other lines, times that are skipped run once, together, when the clock is set, and
    times that are repeated run in the first pass only.

    Raises ``InvalidTask`` for a line that cron would not take, or that never fires, and for an unknown zone.
    """

    expression: str
    timezone: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        follows_clock = self._crontab.follows_clock
        if self.timezone is not None:
            zone_of(self.timezone)
        if follows_clock and (self.timezone is not None or settings.configured):
            self._refuse_never_shown()

    def __repr__(self) -> str:
        return self.written(repr(self.expression))

    def __str__(self) -> str:
        return f"{self.expression} ({self.zone_name})"

    @property
    def zone_name(self) -> str:
        return self.timezone or settings.TIME_ZONE

    def next_after(self, instant: datetime) -> datetime:
        crontab = self._crontab
        return (next_shown if crontab.follows_clock else next_fixed)(crontab.matches, self._zone, instant)

    def last_before(self, instant: datetime) -> datetime:
        crontab = self._crontab
        return (last_shown if crontab.follows_clock else last_fixed)(crontab.matches, self._zone, instant)

    def _refuse_never_shown(self) -> None:
        try:
            self.next_after(ANY_TIME)
        except InvalidTask as error:
            raise InvalidTask(f"Cron({self.expression!r}): {error}") from error

    @property
    def _crontab(self) -> Crontab:
        return parse(self.expression)  # which keeps what it has parsed

    @property
    def _zone(self) -> ZoneInfo:
        return zone_of(self.zone_name)
