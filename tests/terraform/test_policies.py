from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.terraform

ACCOUNT = "123456789012"
ROLES = ("site-tick", "site-queue", "site-web", "site-scheduler")
SQS = f"arn:aws:sqs:eu-west-1:{ACCOUNT}"
QUEUES = [f"{SQS}:site-mail", f"{SQS}:site-tasks"]
RECEIVE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html asks for this resource; parliament compares
# kinds of resources as they are written, and knows no * in place of one.
WRONGLY_FOUND = {f"{role} JoinNetwork": ["RESOURCE_MISMATCH"] for role in ROLES if role != "site-scheduler"}

# parliament is built on pkg_resources, which warns of itself: it is kept out of this process, where that is an error.
PARLIAMENT = """
import json, sys, parliament
policies = json.load(sys.stdin)
found = {name: parliament.analyze_policy_string(json.dumps(policy)).findings for name, policy in policies.items()}
print(json.dumps({name: sorted({each.issue for each in findings}) for name, findings in found.items() if findings}))
"""


def allow(sid, actions, resources):
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def of_each_function(name, stack):
    secret = stack.variables["secrets"]["TITLE"].removesuffix(":title::")
    network = [f"ec2:{verb}" for verb in ("CreateNetworkInterface", "DeleteNetworkInterface")]
    network += [f"ec2:{verb}PrivateIpAddresses" for verb in ("Assign", "Unassign")]
    logs = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/{name}:*"
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    return [
        allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [logs]),
        allow("EnqueueTasks", ["sqs:SendMessage"], QUEUES),
        allow("ReadParameters", ["ssm:GetParameters"], [stack.variables["secrets"]["SECRET_KEY"]]),
        allow("ReadSecrets", ["secretsmanager:GetSecretValue"], [secret]),
        allow("DecryptSecrets", ["kms:Decrypt"], [key]),
        allow("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),
        allow("SeeNetwork", ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], ["*"]),
        allow("JoinNetwork", network, ["arn:aws:ec2:*:*:*/*"]),
    ]


@pytest.fixture(scope="module")
def statements(aws):
    """What a role may by its own policy."""

    def statements(role):
        (name,) = aws("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = aws("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        assert document["Version"] == "2012-10-17"
        return document["Statement"]

    return statements


@pytest.fixture(scope="module")
def trust(aws):
    """Who may take a role, and when."""

    def trust(role):
        (statement,) = aws("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        return statement

    return trust


def findings(policies):
    """What parliament has to say of them, by their names."""
    done = subprocess.run(
        [sys.executable, "-c", PARLIAMENT],
        input=json.dumps(policies),
        env={"PYTHONWARNINGS": "ignore", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def policy(statement):
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_there_are_four_roles(aws):
    assert {each["RoleName"] for each in aws("iam").list_roles()["Roles"]} == set(ROLES)


def test_a_tick_may_report_what_failed(statements, stack):
    own = allow("ReportFailedTicks", ["sqs:SendMessage"], [f"{SQS}:site-tick-dead"])
    assert statements("site-tick") == [*of_each_function("site-tick", stack), own]


def test_the_queue_function_may_receive(statements, stack):
    own = allow("TakeTasks", RECEIVE, QUEUES)
    assert statements("site-queue") == [*of_each_function("site-queue", stack), own]


def test_the_site_may_what_all_may_and_no_more(statements, stack):
    assert statements("site-web") == of_each_function("site-web", stack)


def test_scheduler_may_call_the_tick_and_report_what_it_could_not(statements):
    tick = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:site-tick:live"
    assert statements("site-scheduler") == [
        allow("CallTick", ["lambda:InvokeFunction"], [tick]),
        allow("ReportTicksNotCalled", ["sqs:SendMessage"], [f"{SQS}:site-tick-dead"]),
    ]


@pytest.mark.parametrize("role", ROLES)
def test_actions_are_named(statements, role):
    assert [action for each in statements(role) for action in each["Action"] if "*" in action] == []


@pytest.mark.parametrize("role", ROLES)
def test_all_resources_are_allowed_only_where_aws_has_none(statements, role):
    actions = [action for each in statements(role) if "*" in each["Resource"] for action in each["Action"]]
    assert [each for each in actions if not each.startswith(("xray:Put", "ec2:Describe"))] == []


@pytest.mark.parametrize("role", ["site-tick", "site-queue", "site-web"])
def test_lambda_takes_the_role_of_a_function(trust, role):
    principal = {"Service": "lambda.amazonaws.com"}
    assert trust(role) == {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}


def test_scheduler_takes_its_role_for_this_group_of_this_account(trust):
    group = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/site"
    assert trust("site-scheduler") == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}},
    }


@pytest.mark.parametrize("role", ROLES)
def test_policies_of_ones_own_are_attached_to_functions(aws, role):
    attached = aws("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    own = [] if role == "site-scheduler" else [f"arn:aws:iam::{ACCOUNT}:policy/site"]
    assert [each["PolicyArn"] for each in attached] == own


def test_parliament_finds_nothing_in_what_roles_may(statements):
    found = findings({f"{role} {each['Sid']}": policy(each) for role in ROLES for each in statements(role)})
    assert found == WRONGLY_FOUND


def test_parliament_finds_nothing_in_who_takes_roles(trust):
    """It asks for a resource, which a trust policy has not."""
    arns = {role: f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in ROLES}
    assert findings({role: policy({**trust(role), "Resource": arn}) for role, arn in arns.items()}) == {}


def test_parliament_finds_what_is_wrong():
    bad = {
        "a typing error": allow("Bad", ["sqs:SendMesage"], QUEUES),
        "another service": allow("Bad", ["sqs:SendMessage"], ["arn:aws:s3:::site"]),
        "no ARN": allow("Bad", ["sqs:SendMessage"], ["site-tasks"]),
    }
    assert findings({name: policy(each) for name, each in bad.items()}) == {
        "a typing error": ["UNKNOWN_ACTION"],
        "another service": ["RESOURCE_MISMATCH"],
        "no ARN": ["INVALID_ARN"],
    }
