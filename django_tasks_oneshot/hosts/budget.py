"""How long a run may take on a host, from the rule by which that host kills."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..run.deadline import SHORT_GRACE, WRAP_UP
from .table import HostFacts, all_hosts

#: From when a host has started a process, or sent a request, until the run begins; and by how much hosts are late.
START_SECONDS = 5
#: For what follows the end of a task, and is no run's own: the end of Python, an answer on its way.
MARGIN = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """In seconds, as the command takes them. Without ``grace_seconds`` a task goes on until it ends."""

    max_seconds: float
    grace_seconds: float | None = None

    @property
    def options(self) -> str:
        grace = "" if self.grace_seconds is None else f" --grace-seconds {self.grace_seconds:g}"
        return f"--max-seconds {self.max_seconds:g}{grace}"


#: A run makes room for the next one a minute later: that of a crontab line.
NOWHERE = Budget(max_seconds=60 - START_SECONDS)


def budget(host: HostFacts, minutes: int) -> Budget:
    """Of a run that starts every so many minutes, so that it is gone, and all is recorded, before it is killed."""
    interval = minutes * 60
    limit = min(host.limit_seconds or math.inf, interval if host.ends_with_interval else math.inf)
    if host.form == "http":  # nothing but the time of the request
        return Budget(max_seconds=int(min(interval, limit) - START_SECONDS - WRAP_UP - MARGIN))
    if limit <= interval:
        grace = longest_grace(host)
        return Budget(max_seconds=int(limit - START_SECONDS - grace - WRAP_UP - MARGIN), grace_seconds=grace)
    too_soon_for_the_default = host.grace_seconds is not None and host.grace_seconds < SHORT_GRACE + WRAP_UP
    return Budget(
        max_seconds=interval - START_SECONDS, grace_seconds=longest_grace(host) if too_soon_for_the_default else None
    )


def budget_here(host: HostFacts | None, grace_seconds: float | None) -> Budget:
    """Of a run that nobody has told how long it may take. A grace of its own does not let it outlast its host."""
    if host is None:
        return replace(NOWHERE, grace_seconds=grace_seconds)
    limits = budget(host, host.interval)
    if grace_seconds is None:
        return limits
    grace = min(grace_seconds, longest_grace(host))
    if limits.grace_seconds is None:
        return replace(limits, grace_seconds=grace)
    return Budget(max_seconds=limits.max_seconds + limits.grace_seconds - grace, grace_seconds=grace)


def longest_grace(host: HostFacts) -> int:
    """Between its signal, after which the task may go on for so long, and what has to be done before SIGKILL."""
    if host.grace_seconds is None:
        return int(SHORT_GRACE)
    return max(0, int(host.grace_seconds - WRAP_UP - MARGIN))


def host_of(environment: Mapping[str, str]) -> HostFacts | None:
    """The host that has started this process, if its variables tell."""
    for host in all_hosts().values():
        if host.recognised_by and all(
            environment.get(name, "").startswith(start) and name in environment
            for name, start in host.recognised_by.items()
        ):
            return host
    return None
