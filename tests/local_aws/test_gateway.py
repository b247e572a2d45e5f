from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from local_aws import FunctionError, Gateway


@pytest.fixture
def serve():
    """Opens a gateway in front of this answer or function; returns what sends it a request."""
    opened = []

    def serve(invoke):
        gateway = Gateway(invoke if callable(invoke) else lambda event: invoke)
        opened.append(gateway)

        def request(method="GET", path="/", body=None, headers=None):
            connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=60)
            try:
                connection.request(method, path, body, headers or {})
                response = connection.getresponse()
                return response, response.read()
            finally:
                connection.close()

        return request

    yield serve
    for gateway in opened:
        gateway.close()


@pytest.fixture
def event_of(serve):
    """The event that a request becomes."""
    events = []
    request = serve(events.append)

    def event_of(*arguments, **options):
        request(*arguments, **options)
        return events.pop()

    return event_of


def test_a_request_is_an_event_of_the_format_2(event_of):
    event = event_of("GET", "/a%20b/c?x=1&x=2&y=%26&z=", headers={"X-Mine": "Yes", "User-Agent": "test"})
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b/c", "x=1&x=2&y=%26&z=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "&", "z": ""}
    assert event["headers"]["x-mine"] == "Yes"
    assert event["headers"]["x-forwarded-proto"] == "https"
    context = event["requestContext"]
    assert context["http"] == {
        "method": "GET",
        "path": "/a%20b/c",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    assert context["requestId"]
    assert context["domainName"] == "127.0.0.1"
    assert event["isBase64Encoded"] is False
    assert "body" not in event
    assert "cookies" not in event


def test_cookies_are_a_list(event_of):
    event = event_of(headers={"Cookie": "a=1; b=2"})
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"a": 1}', ('{"a": 1}', False)),
        ("text/plain; charset=utf-8", "é".encode(), ("é", False)),
        ("text/plain", b"\xff", ("/w==", True)),
        ("application/x-www-form-urlencoded", b"a=1", ("YT0x", True)),
        ("application/octet-stream", b"\x00\xff", ("AP8=", True)),
    ],
)
def test_a_body_that_may_not_be_text_is_in_base64(event_of, content_type, body, expected):
    event = event_of("POST", "/", body, {"Content-Type": content_type})
    assert (event["body"], event["isBase64Encoded"]) == expected


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "PUT"])
def test_each_method_arrives(event_of, method):
    assert event_of(method)["requestContext"]["http"]["method"] == method


def test_a_response_has_its_status_headers_cookies_and_body(serve):
    answer = {
        "statusCode": 418,
        "headers": {"Content-Type": "text/plain", "X-Number": 1, "Content-Length": "99"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "é",
    }
    response, body = serve(answer)()
    assert response.status == 418
    assert response.getheader("content-type") == "text/plain"
    assert response.getheader("x-number") == "1"
    assert response.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert body == "é".encode()


def test_a_body_in_base64_is_decoded(serve):
    _, body = serve({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True})()
    assert body == b"\x00\xff"


def test_a_response_may_be_no_more_than_a_status(serve):
    response, body = serve({"statusCode": 204})()
    assert (response.status, body) == (204, b"")


@pytest.mark.parametrize("answer", ["text", None, [1], {"a": 1}], ids=str)
def test_any_other_answer_is_the_body(serve, answer):
    response, body = serve(lambda event: answer)()
    assert response.status == 200
    assert response.getheader("content-type") == "application/json"
    assert json.loads(body) == answer


def test_an_answer_to_head_has_no_body(serve):
    response, body = serve({"statusCode": 200, "body": "four"})("HEAD")
    assert (response.status, response.getheader("content-length"), body) == (200, "4", b"")


@pytest.mark.parametrize(
    "failure",
    [
        FunctionError("Sandbox.Timedout", "too late", {}),
        {"statusCode": "soon"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": ["X-Mine"]},
    ],
    ids=str,
)
def test_a_function_that_fails_or_makes_no_sense_is_a_bad_gateway(serve, failure, caplog):
    def invoke(event):
        if isinstance(failure, Exception):
            raise failure
        return failure

    response, body = serve(invoke)("GET", "/here")
    assert (response.status, body) == (502, b"Internal Server Error")
    assert "GET /here failed" in caplog.text


def test_a_function_answers_a_browser(serve, function):
    request = serve(function("web").invoke)
    for text in ("one", "two"):
        response, body = request("POST", f"/{text}", text, {"Content-Type": "text/plain"})
        assert (response.status, response.getheader("x-path"), body) == (201, f"/{text}", text.encode())


def test_a_body_of_unknown_length_is_refused(serve):
    response, _ = serve({"statusCode": 200})("POST", "/", iter([b"a"]))
    assert response.status == 411
