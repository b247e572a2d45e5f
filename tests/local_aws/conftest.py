from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import Cloud, LambdaFunction

TIMEOUT = 60  # seconds; longer than any machine takes for what is not meant to run into it


@pytest.fixture
def function():
    """A function of ``handlers``, in this directory."""
    opened = []

    def function(handler, *, timeout=TIMEOUT, environment=None, **options):
        handler = handler if "." in handler else f"handlers.{handler}"
        directory = Path(__file__).parent
        opened.append(
            LambdaFunction(handler, environment=environment or {}, timeout=timeout, directory=directory, **options)
        )
        return opened[-1]

    yield function
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def running_cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud
