"""Writes the tables of README.md anew: inputs and outputs from the module's files, costs from costs.py.

python terraform/readme.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hcl2

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from terraform import costs  # noqa: E402

README = HERE / "README.md"
#: Requests of SQS for a task, as docs/lambda.md counts them: many enqueued together, and each by itself.
REQUESTS = {"enqueued together": 0.301, "each enqueued by itself": 1.201}


def updated(text: str) -> str:
    """The page with its tables as they should be: each stands between ``<!-- NAME -->`` and ``<!-- end -->``."""
    for name, lines in TABLES.items():
        table = "\n".join(lines())
        text, found = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda match, table=table: f"{match[1]}{table}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
        if found != 1:
            raise ValueError(f"There have to be one <!-- {name} --> and its <!-- end --> in the page.")
    return text


def inputs() -> Iterator[str]:
    yield "| input | what it is | type | default |"
    yield "|---|---|---|---|"
    for name, block in blocks("variables.tf", "variable"):
        default = f"`{literal(block['default'])}`" if "default" in block else "**required**"
        yield f"| `{name}` | {string(block['description'])} | `{kind(block['type'])}` | {default} |"


def outputs() -> Iterator[str]:
    yield "| output | what it is |"
    yield "|---|---|"
    for name, block in blocks("outputs.tf", "output"):
        yield f"| `{name}` | {string(block['description'])} |"


def idle_months() -> Iterator[str]:
    months = {name: costs.idle_month(example) for name, example in costs.EXAMPLES.items()}
    yield f"| idle month | {' | '.join(f'`{name}`' for name in months)} |"
    yield "|---|" + "---:|" * len(months)
    for part in costs.idle_month(costs.EXAMPLES["complete"]):
        yield f"| {part} | {' | '.join(dollars(month[part]) for month in months.values())} |"
    yield f"| **all** | {' | '.join(f'**{dollars(sum(month.values()))}**' for month in months.values())} |"


def million_tasks() -> Iterator[str]:
    times = {"10 ms": 0.01, "100 ms": 0.1, "1 s": 1.0}
    yield f"| a million tasks of | {' | '.join(times)} |"
    yield "|---|" + "---:|" * len(times)
    cells = [dollars(costs.tasks_as_rows(costs.MILLION, seconds)) for seconds in times.values()]
    yield f"| rows, run by ticks | {' | '.join(cells)} |"
    for how, requests in REQUESTS.items():
        cells = [dollars(costs.tasks_by_messages(costs.MILLION, seconds, requests)) for seconds in times.values()]
        yield f"| messages of SQS, {how} | {' | '.join(cells)} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "inputs": inputs,
    "outputs": outputs,
    "idle month": idle_months,
    "a million tasks": million_tasks,
}


def blocks(file: str, block_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for labelled in hcl2.loads((HERE / file).read_text())[block_type]:
        for name, block in labelled.items():
            yield string(name), block


def string(literal: str) -> str:
    """What a quoted string of HCL means."""
    return literal.removeprefix('"').removesuffix('"').replace('\\"', '"')


def kind(value: str) -> str:
    return value.removeprefix("${").removesuffix("}")


def literal(value: Any) -> str:
    """As HCL writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount else "-"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
