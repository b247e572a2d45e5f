from __future__ import annotations

import http.client

import pytest

from local_aws.runtime_api import PREFIX, Invocation, RuntimeApi

INVOCATION = Invocation("id-1", b'{"a": 1}', "arn:1", "Root=1", 1234)


@pytest.fixture
def api():
    api = RuntimeApi()
    yield api
    api.close()


@pytest.fixture
def request_(api):
    def request(method, path, body=None):
        connection = http.client.HTTPConnection(api.address, timeout=60)
        try:
            connection.request(method, f"{PREFIX}{path}", body)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    return request


def test_an_invocation_has_what_the_runtime_needs_in_its_headers(api, request_):
    api.submit(INVOCATION)
    response, body = request_("GET", "invocation/next")
    assert (response.status, body) == (200, INVOCATION.event)
    assert {name: value for name, value in response.getheaders() if name.startswith("Lambda-")} == {
        "Lambda-Runtime-Aws-Request-Id": "id-1",
        "Lambda-Runtime-Deadline-Ms": "1234",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:1",
        "Lambda-Runtime-Trace-Id": "Root=1",
    }


@pytest.mark.parametrize("kind", ["response", "error"])
def test_an_answer_is_taken_once(api, request_, kind):
    api.submit(INVOCATION)
    request_("GET", "invocation/next")
    assert request_("POST", f"invocation/id-1/{kind}", b"1")[0].status == 202
    assert (api.answer.body, api.answer.is_error) == (b"1", kind == "error")
    assert request_("POST", f"invocation/id-1/{kind}", b"2")[0].status == 400
    assert api.answer.body == b"1"


def test_an_answer_to_another_invocation_is_refused(api, request_):
    api.submit(INVOCATION)
    request_("GET", "invocation/next")
    assert request_("POST", "invocation/id-0/response", b"1")[0].status == 400
    assert api.answer is None


def test_what_the_api_does_not_have_is_not_found(request_):
    assert request_("GET", "restore/next")[0].status == 404
    assert request_("POST", "invocation/next", b"")[0].status == 404
