"""The table of hosts, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .budget import budget
from .interval import in_words
from .table import OVERLAPS, HostFacts

HEADINGS: tuple[str, ...] = ("HOST", "STARTS", "MINUTES", "INTERVAL", "OVERLAP", "KILLED AFTER", "GRACE", "CHECKED")
FOOTNOTE = "* is not in its documentation. Where the facts are from: scheduler_config --list HOST"


def as_json(hosts: Iterable[HostFacts]) -> str:
    return json.dumps([{**asdict(host), "budget": _budget(host)} for host in hosts], default=str)


def as_text(hosts: Iterable[HostFacts]) -> str:
    rows = [HEADINGS, *map(_row, hosts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", FOOTNOTE])


def details(host: HostFacts) -> str:
    """One row, with all that the table has no room for."""
    said = {
        "starts": {"command": "the command", "http": "a request", "function": "a function of Lambda"}[host.form],
        "interval": f"{in_words(host.interval)}, if you say nothing; {minutes(host)} minutes",
        "overlap": f"{host.overlap}: if another is there when one is due, {OVERLAPS[host.overlap]}",
        "killed after": ending(host) or "nothing",
        "grace": "-" if host.grace_seconds is None else f"{host.grace_seconds} s between the signal and SIGKILL",
        "may miss": "runs are left out, or late by minutes" if host.may_miss else "no",
        "recognised by": ", ".join(f"{name}={start}..." for name, start in host.recognised_by.items()) or "nothing",
        "options": "-" if host.form == "function" else budget(host, host.interval).options,
        "remarks": host.note or "-",
        "not documented": ", ".join(name.replace("_", " ") for name in host.assumed) or "-",
        "checked": str(host.checked),
        "sources": "\n".join(host.sources),
    }
    width = max(map(len, said))
    indented = {name: text.replace("\n", f"\n{' ' * (width + 2)}") for name, text in said.items()}
    return "\n".join([host.title, *(f"{name:{width}}  {text}" for name, text in indented.items())])


def minutes(host: HostFacts) -> str:
    """Which intervals it takes."""
    return ", ".join(map(str, host.intervals)) or f"{host.minimal_interval} or more"


def ending(host: HostFacts) -> str:
    limit = f"{host.limit_seconds:,} s" if host.limit_seconds else ""
    return " or ".join(filter(None, ("its interval" if host.ends_with_interval else "", limit)))


def _row(host: HostFacts) -> tuple[str, ...]:
    def mark(text: str, name: str) -> str:
        return f"{text}*" if name in host.assumed else text

    return (
        host.name,
        host.form,
        mark(minutes(host), "minimal_interval"),
        in_words(host.interval),
        mark(host.overlap, "overlap"),
        mark(ending(host) or "-", "limit_seconds"),
        mark("-" if host.grace_seconds is None else f"{host.grace_seconds} s", "grace_seconds"),
        str(host.checked),
    )


def _budget(host: HostFacts) -> dict[str, Any] | None:
    return None if host.form == "function" else asdict(budget(host, host.interval))
