from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.terraform

# What moto answers differently from what it was told, and AWS does not. Exact: what is new here, or gone, is looked at.
MOTO_CHANGES = {
    ('aws_sqs_queue.tasks["mail"]', "redrive_policy"),  # as JSON with other spaces
    ('aws_sqs_queue.tasks["tasks"]', "redrive_policy"),
    ('aws_lambda_event_source_mapping.tasks["mail"]', "function_name"),  # the version that the alias leads to
    ('aws_lambda_event_source_mapping.tasks["tasks"]', "function_name"),
}


def changes(plan):
    """What a plan would change: addresses in the module, attributes, and their values before and after."""
    found = {}
    for resource in plan["resource_changes"]:
        change = resource["change"]
        if change["actions"] == ["no-op"]:
            continue
        assert change["actions"] == ["update"], resource["address"]
        address = resource["address"].removeprefix("module.oneshot.")
        unknown = [name for name, value in change["after_unknown"].items() if value is True]
        after = {**change["after"], **dict.fromkeys(unknown, "unknown")}
        for name, value in after.items():
            if value != change["before"].get(name):
                found[address, name] = (change["before"].get(name), value)
    return found


def resources(plan, kind):
    (module,) = plan["planned_values"]["root_module"]["child_modules"]
    return {each.get("index"): each["values"] for each in module["resources"] if each["type"] == kind}


def test_a_second_plan_changes_nothing_but_what_moto_does(plans):
    assert set(changes(plans.same)) == MOTO_CHANGES


def test_moto_changes_the_spaces_of_a_redrive_policy_only(plans):
    for (_, name), (before, after) in changes(plans.same).items():
        if name == "redrive_policy":
            assert json.loads(before) == json.loads(after)


def test_moto_changes_the_alias_of_a_mapping_to_its_version_only(plans):
    for (_, name), (before, after) in changes(plans.same).items():
        if name == "function_name":
            assert re.sub(r":1$", ":live", before) == after


def test_a_release_changes_functions_and_what_is_live(plans):
    changed = {(re.sub(r"\[.*", "", address), name) for address, name in set(changes(plans.release)) - MOTO_CHANGES}
    assert changed == {
        ("aws_lambda_function.this", "filename"),
        ("aws_lambda_function.this", "source_code_hash"),
        ("aws_lambda_function.this", "last_modified"),
        ("aws_lambda_function.this", "qualified_arn"),
        ("aws_lambda_function.this", "qualified_invoke_arn"),
        ("aws_lambda_function.this", "version"),
        ("aws_lambda_alias.live", "function_version"),
    }


def test_what_hangs_on_a_function_is_made_anew_with_it(plans):
    """On AWS it goes with the function: neither a plan nor a state would know."""
    found = {each["address"]: each["change"]["actions"] for each in plans.replaced["resource_changes"]}
    anew = {address.removeprefix("module.oneshot.") for address, actions in found.items() if "create" in actions}
    assert anew == {
        'aws_lambda_function.this["web"]',
        'aws_lambda_alias.live["web"]',
        "aws_lambda_function_url.web[0]",
        "aws_cloudformation_stack.web_permission[0]",
    }


# What moto does not keep: the qualifier of a URL and of what becomes of failed calls, and the alias of a mapping.


def test_the_url_is_that_of_the_alias(plans):
    (url,) = resources(plans.same, "aws_lambda_function_url").values()
    assert (url["function_name"], url["qualifier"]) == ("site-web", "live")


def test_failed_calls_are_those_of_the_alias(plans):
    (calls,) = resources(plans.same, "aws_lambda_function_event_invoke_config").values()
    assert (calls["function_name"], calls["qualifier"]) == ("site-tick", "live")


@pytest.mark.parametrize("queue", ["tasks", "mail"])
def test_a_mapping_calls_the_alias(plans, queue):
    mapping = resources(plans.same, "aws_lambda_event_source_mapping")[queue]
    assert mapping["function_name"].endswith(":function:site-queue:live")
