from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from terraform import readme

from .conftest import MODULE
from .terraform import Terraform, executable

# What takes long has begun when these do.
pytestmark = [pytest.mark.terraform, pytest.mark.usefixtures("jobs")]

EXAMPLES = sorted(each.name for each in MODULE.glob("examples/*") if each.name != "minimal")
TESTS = sorted(each.name for each in MODULE.glob("tests/*.tftest.hcl"))
VARIABLES_MODULE = '  module { source = "./tests/variables" }\n'
VALIDATION = re.compile(r"\n\n  validation \{\n.*?\n  \}", re.DOTALL)
RUN = re.compile(r'^run "(\w+)" \{\n.*?^\}$', re.DOTALL | re.MULTILINE)
VARIABLE = re.compile(r'^variable "(\w+)" \{\n.*?^\}$', re.DOTALL | re.MULTILINE)


def validations():
    """Each validation: its variable, how many of that come before it, and where it is in variables.tf."""
    text = (MODULE / "variables.tf").read_text()
    for variable in VARIABLE.finditer(text):
        for number, found in enumerate(VALIDATION.finditer(text, *variable.span())):
            yield pytest.param(variable[1], found.span(), id=f"{variable[1]}-{number + 1}")


def refusals(variable):
    """The tests of values that this variable refuses."""
    for name in TESTS:
        text = (MODULE / "tests" / name).read_text()
        yield from (run[0] for run in RUN.finditer(text) if f"expect_failures = [var.{variable}]" in run[0])


def status(messages):
    runs = [each["test_run"] for each in messages if "test_run" in each]
    return {run["run"]: run["status"] for run in runs if run.get("progress") == "complete"}


def test_files_are_formatted(tree):
    check = [executable(), "fmt", "-check", "-diff", "-recursive", MODULE, Path(__file__).parent]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# The module is validated with its own tests, which are below, and examples/minimal when it is applied: test_minimal.py.


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(tree, example):
    terraform = Terraform(tree / "terraform/examples" / example)
    terraform.init(tree / "terraform")
    terraform.validate()


@pytest.mark.parametrize("file", TESTS)
def test_terraforms_own_tests_pass(module_tests, file):
    messages = [each for each in module_tests if each.get("@testfile") == f"tests/{file}"]
    written = [run[1] for run in RUN.finditer((MODULE / "tests" / file).read_text())]
    failures = [each["diagnostic"] for each in messages if "diagnostic" in each]
    assert status(messages) == dict.fromkeys(written, "pass"), failures


@pytest.fixture
def variables_alone(tree, tmp_path):
    """Tries these runs on a variables.tf that is all there is: no module and no provider has to be installed."""

    def variables_alone(variables, runs):
        (tmp_path / "variables.tf").write_text(variables)
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests/bundle.txt").touch()
        head = (MODULE / "tests" / TESTS[-1]).read_text().partition("\nrun ")[0]
        text = "\n".join([head, *runs]).replace(VARIABLES_MODULE, "")
        (tmp_path / "tests/some.tftest.hcl").write_text(text)
        return Terraform(tmp_path).test()

    return variables_alone


@pytest.mark.parametrize(("variable", "span"), [*validations()])
def test_without_this_validation_a_test_fails(variables_alone, variable, span):
    text = (MODULE / "variables.tf").read_text()
    messages = variables_alone(text[: span[0]] + text[span[1] :], refusals(variable))
    errors = [each["diagnostic"]["summary"] for each in messages if "diagnostic" in each]
    assert errors == ["Missing expected failure"], f"No value is refused by this alone: {text[slice(*span)]}"


def test_every_validation_is_seen_here():
    blocks = [block.get("validation", []) for _, block in readme.blocks("variables.tf", "variable")]
    assert len([*validations()]) == sum(map(len, blocks))


def test_a_validation_that_nobody_tries_is_found(variables_alone):
    text = (MODULE / "variables.tf").read_text()
    assert set(status(variables_alone(text, refusals("timeout"))).values()) == {"pass"}


def test_validations_are_tried_on_the_modules_own_file():
    assert Path(MODULE / "tests/variables/variables.tf").resolve() == MODULE / "variables.tf"
