"""Functions for Lambda. They run in a process of AWS's runtime client, in which pytest is not."""

import os
import subprocess
import sys
import threading
import time

invocations = 0
ticks = 0


def echo(event, context):
    return event


def count(event, context):
    global invocations
    invocations += 1
    return invocations


def describe(event, context):
    return {
        "pid": os.getpid(),
        "remaining": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "trace": os.environ["_X_AMZN_TRACE_ID"],
    }


def environment(event, context):
    return dict(os.environ)


def fail(event, context):
    raise ValueError("bad event é")


def fail_when_told(event, context):
    if event.get("fail"):
        raise ValueError("as told")
    return count(event, context)


def exit_when_told(event, context):
    if "status" in event:
        os._exit(event["status"])
    return count(event, context)


def sleep_when_told(event, context):
    time.sleep(event.get("seconds", 0))
    return count(event, context)


def exit_after_the_answer(event, context):
    """As soon as it is sent, and before the process asks for the next invocation."""
    import awslambdaric.lambda_runtime_client as client

    client.LambdaRuntimeClient.wait_next_invocation = lambda self: os._exit(1)
    return "answered"


def answer_bytes(event, context):
    return b"\x00\xff"


def answer_what_json_cannot(event, context):
    return {"a": object()}


def say(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)


def start_a_child(event, context):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


def tick(event, context):
    """A thread that goes on when the invocation is over."""

    def tick():
        global ticks
        while True:
            ticks += 1
            time.sleep(0.001)

    if event.get("start"):
        threading.Thread(target=tick, daemon=True).start()
    return ticks


def consume(event, context):
    """An SQS queue's function: fails for the messages that say so."""
    for record in event["Records"]:
        if record["body"] == "die":
            os._exit(1)
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def web(event, context):
    return {"statusCode": 201, "headers": {"X-Path": event["rawPath"]}, "body": event.get("body", "")}
