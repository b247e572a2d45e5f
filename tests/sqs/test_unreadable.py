from __future__ import annotations

import json

import pytest
from django.core.signing import Signer

from django_tasks_oneshot.backends.sqs_message import UnreadableMessage, decode

TASK = {"backend": "default", "id": "1", "queue_name": "default"}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"v": 2, **TASK}),
        json.dumps({"v": 1, **TASK, "from_a_later_release": 1}),
        json.dumps(TASK),
        json.dumps({"v": 1, **TASK, "enqueued_at": "now"}),
        json.dumps({"v": 1, **TASK, "enqueued_at": 5}),
        json.dumps(["v"]),
        json.dumps("v"),
        "null",
        "no JSON",
        "[" * 100_000,
    ],
    ids=lambda content: content[:60],
)
def test_what_is_signed_and_no_task_is_unreadable(content):
    with pytest.raises(UnreadableMessage, match="of another version"):
        decode(Signer(salt="django_tasks_oneshot.sqs").sign(content))


@pytest.mark.parametrize("body", ["", ":", "{}", json.dumps({"v": 1, **TASK}), "[" * 100_000, "é:é"])
def test_what_is_not_signed_is_unreadable(body):
    with pytest.raises(UnreadableMessage, match="not signed"):
        decode(body)
