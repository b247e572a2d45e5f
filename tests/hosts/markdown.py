"""The table of docs/hosts.md, as hosts.toml has it: python -m tests.hosts.markdown"""

from __future__ import annotations

from collections.abc import Iterable

from django_tasks_oneshot.hosts.listing import ending, minutes
from django_tasks_oneshot.hosts.table import OVERLAPS, HostFacts, all_hosts

COLUMNS = (
    "HOST",
    "starts",
    "minutes between runs",
    "one is due while another runs",
    "a run is ended after",
    "SIGTERM to SIGKILL",
    "checked",
)
FORMS = {"command": "the command", "http": "a request", "function": "a function"}


def table() -> str:
    return "\n".join([line(COLUMNS), f"|{'---|' * len(COLUMNS)}", *map(row, all_hosts().values())])


def row(host: HostFacts) -> str:
    sources = ", ".join(f"[{number}]({url})" for number, url in enumerate(host.sources, 1))
    return line(
        [
            f"`{host.name}` {host.title}",
            FORMS[host.form],
            f"{minutes(host)}{mark(host, 'minimal_interval')}{usual(host)}",
            OVERLAPS[host.overlap] + mark(host, "overlap"),
            ending(host) + mark(host, "limit_seconds"),
            "" if host.grace_seconds is None else f"{host.grace_seconds} s{mark(host, 'grace_seconds')}",
            f"{host.checked}: {sources}",
        ]
    )


def usual(host: HostFacts) -> str:
    return "" if host.intervals or host.interval == host.minimal_interval else f" ({host.interval} if not said)"


def mark(host: HostFacts, name: str) -> str:
    return "\\*" if name in host.assumed else ""


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(table())
