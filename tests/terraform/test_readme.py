from __future__ import annotations

import re
from pathlib import Path

import hcl2

from terraform import costs, readme

DOCS = Path(__file__).parents[2] / "docs/lambda.md"


def test_the_tables_are_those_of_the_module():
    page = readme.README.read_text()
    assert readme.updated(page) == page, "Type: make terraform-readme"


def test_each_input_has_a_type_and_a_description():
    for name, block in readme.blocks("variables.tf", "variable"):
        assert {"type", "description"} <= set(block), name


def test_each_input_but_a_switch_is_validated():
    free = {name for name, block in readme.blocks("variables.tf", "variable") if "validation" not in block}
    assert free == {"enable_xray", "enable_queue", "enable_web", "enable_alarms"}


def test_requests_are_those_that_are_counted():
    counted = {int(each) / 1000 for each in re.findall(r"\| \*\*(\d+)\*\* \|$", DOCS.read_text(), re.MULTILINE)}
    assert set(readme.REQUESTS.values()) <= counted


def test_what_is_taken_for_granted_is_in_the_page():
    assert costs.MINUTES == 43_200
    assert f"{costs.TICK_SECONDS} s" in " ".join(costs.idle_month(costs.EXAMPLES["minimal"]))


def test_what_it_says_to_write_has_inputs_of_the_module_and_all_that_are_required():
    (example,) = re.findall(r"```hcl\n(.*?)```", readme.README.read_text(), re.DOTALL)
    ((_, module),) = hcl2.loads(example)["module"][0].items()
    given = {name for name in module if not name.startswith("__")} - {"source"}
    known = dict(readme.blocks("variables.tf", "variable"))
    assert given <= set(known)
    assert {name for name, block in known.items() if "default" not in block} <= given
