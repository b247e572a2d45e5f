from __future__ import annotations

import re
from itertools import islice
from random import Random

import pytest

from django_tasks_oneshot.backends.sqs_message import LARGEST_MESSAGE, UnreadableMessage, decode

from .bodies import Bodies

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
ALLOWED = re.compile(r"[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@pytest.fixture
def bodies(tmp_path):
    return Bodies(Random(1), tmp_path / "believed")


def test_sqs_takes_them_and_no_two_are_alike(bodies):
    made = list(islice(bodies, 300))
    assert len(set(made)) == 300
    assert all(ALLOWED.fullmatch(each) and len(each.encode()) <= LARGEST_MESSAGE for each in made)


def test_no_task_can_be_made_of_them_here(bodies):
    """But for those of another backend, whose task it is."""
    readable = set()
    for kind in bodies.kinds * 20:
        try:
            readable.add(decode(kind()).backend)
        except UnreadableMessage:
            continue
    assert readable == {"another"}
