from __future__ import annotations

import time

import pytest
from django.test import Client, override_settings

from django_tasks_oneshot.http.credentials import signature

SECRET = "correct-horse-battery-staple"
URL = "/tasks/run/"


@pytest.fixture(autouse=True)
def secret():
    with override_settings(ONESHOT={"TICK_SECRET": SECRET, "TICK_MAX_SECONDS": 20}):
        yield SECRET


@pytest.fixture
def call():
    """Calls the URL as somebody who knows the secret, unless the test says who else."""
    client = Client(enforce_csrf_checks=True)

    def call(query="", *, method="post", authorization=f"Bearer {SECRET}", **options):
        headers = {} if authorization is None else {"Authorization": authorization}
        return getattr(client, method)(f"{URL}{'?' if query else ''}{query}", headers=headers, **options)

    return call


def signed(query="", *, secret=SECRET, timestamp=None):
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    return f"HMAC-SHA256 {timestamp}:{signature(secret, timestamp, query)}"
