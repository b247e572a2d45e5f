from __future__ import annotations

import re
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from local_aws import FunctionError, Gateway


@pytest.fixture
def web(function, dispatching):
    with Gateway(function("web").invoke) as gateway:
        yield gateway


def test_it_answers_requests_by_the_projects_application(web):
    with urlopen(f"{web.url}admin/login/") as response:
        assert response.status == 200
        assert re.search("<title>Log in", response.read().decode())


def test_an_error_of_the_project_is_an_answer(web):
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{web.url}nowhere/")


def test_a_function_without_settings_says_so_when_it_starts(function, dispatching):
    with pytest.raises(FunctionError, match="DJANGO_SETTINGS_MODULE"):
        function("tick", DJANGO_SETTINGS_MODULE="").invoke({})
