from __future__ import annotations

import hashlib
import hmac
import os
import time
from datetime import timedelta
from unittest import mock

import pytest
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot.http import credentials, signatures
from django_tasks_oneshot.http.credentials import TOLERANCE, signature, tick_secrets
from django_tasks_oneshot.models import UsedSignature

from .conftest import SECRET, signed

OTHER = "another-secret-of-some-length"
NOW = 1_800_000_000


def assert_refused(answer):
    """It tells nothing but that a secret is asked for."""
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert set(answer.headers) <= {"WWW-Authenticate", "Cache-Control", "Expires", "Content-Type", "Content-Length"}
    assert not answer.cookies


@pytest.fixture
def no_run(monkeypatch):
    def drain_aside(*args):
        pytest.fail("a run was started")

    monkeypatch.setattr("django_tasks_oneshot.views.drain_aside", drain_aside)


class TestBearer:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_who_knows_the_secret_is_let_in(self, rows, call, scheme):
        assert call(authorization=f"{scheme} {SECRET}").status_code == 200

    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer  ",
            "Bearer wrong-wrong-wrong-wrong",
            f"Bearer {SECRET[:-1]}",
            f"Bearer {SECRET[1:]}",
            f"Bearer {SECRET}x",
            f"Bearer {SECRET} ",
            f"Bearer  {SECRET}",
            f"Bearer {SECRET.upper()}",
            f"Bearer {SECRET}\x00",
            f"Bearer {SECRET},{SECRET}",
            f"Bearer {'x' * 100_000}",
            f"Bearer {SECRET}{'x' * 100_000}",
            "Bearer pässwört-pässwört",
            "Bearer \u2028\u2028\u2028\u2028",
            "Bearer \udcff\udcfe\ud800",
            "Bearer None",
            "Bearer ['None']",
            f"Basic {SECRET}",
            f"Token {SECRET}",
            SECRET,
            f"{SECRET} Bearer",
            "HMAC-SHA256",
            f"HMAC-SHA256 {SECRET}",
        ],
    )
    @pytest.mark.usefixtures("no_run")
    def test_all_others_are_refused_alike(self, call, authorization):
        assert_refused(call(authorization=authorization))

    @pytest.mark.usefixtures("no_run")
    def test_the_secret_is_not_looked_for_elsewhere(self, call):
        assert_refused(call(f"secret={SECRET}", authorization=None))
        assert_refused(call(authorization=None, data={"Authorization": f"Bearer {SECRET}"}))

    def test_each_of_several_secrets_is_good_until_it_is_taken_out(self, rows, call):
        with override_settings(ONESHOT={"TICK_SECRET": [OTHER, SECRET]}):
            assert call(authorization=f"Bearer {SECRET}").status_code == 200
            assert call(authorization=f"Bearer {OTHER}").status_code == 200
        with override_settings(ONESHOT={"TICK_SECRET": [OTHER]}):
            assert_refused(call(authorization=f"Bearer {SECRET}"))

    def test_all_secrets_are_compared_also_when_the_first_is_right(self, rows, call):
        with (
            override_settings(ONESHOT={"TICK_SECRET": [SECRET, OTHER]}),
            mock.patch.object(credentials.hmac, "compare_digest", wraps=hmac.compare_digest) as compare,
        ):
            assert call().status_code == 200
        assert compare.call_count == 2

    @pytest.mark.usefixtures("no_run")
    def test_what_is_compared_has_the_same_length_whatever_was_sent(self, call):
        with mock.patch.object(credentials.hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            call(authorization="Bearer x")
            call(authorization=f"Bearer {'x' * 5000}")
        assert {len(value) for each in compare.call_args_list for value in each.args} == {32}


class TestWithoutASecret:
    @pytest.mark.parametrize(
        "secret", [None, "", [], [None], [""], "short", ["short"], "with a space in it", 5, b"x" * 20]
    )
    @pytest.mark.parametrize("said", [None, "Bearer ", "Bearer short", "Bearer None", "Bearer with a space in it"])
    @pytest.mark.usefixtures("no_run")
    def test_everybody_gets_503(self, call, secret, said):
        with override_settings(ONESHOT={"TICK_SECRET": secret}):
            answer = call(authorization=said)
        assert (answer.status_code, answer.json()) == (503, {"error": "ONESHOT['TICK_SECRET'] is not set."})

    @pytest.mark.usefixtures("no_run")
    def test_one_that_cannot_be_used_is_not_accepted_beside_one_that_can(self, call):
        with override_settings(ONESHOT={"TICK_SECRET": ["short", "", SECRET]}):
            assert_refused(call(authorization="Bearer short"))
            assert_refused(call(authorization="Bearer "))


class TestVercel:
    def test_its_secret_is_good_there(self, rows, call):
        with (
            override_settings(ONESHOT={}),
            mock.patch.dict(os.environ, {"VERCEL": "1", "CRON_SECRET": OTHER}),
        ):
            assert call(method="get", authorization=f"Bearer {OTHER}").status_code == 200

    def test_and_nowhere_else(self):
        assert tick_secrets({"CRON_SECRET": OTHER}) == (SECRET,)

    def test_beside_those_of_the_settings(self):
        assert tick_secrets({"VERCEL": "1", "CRON_SECRET": OTHER}) == (SECRET, OTHER)

    def test_an_empty_one_is_none(self):
        assert tick_secrets({"VERCEL": "1", "CRON_SECRET": ""}) == (SECRET,)


class TestSigned:
    @pytest.mark.parametrize("query", ["", "max_seconds=5", "queue=mail&max_seconds=5"])
    def test_who_has_signed_is_let_in(self, rows, call, query):
        assert call(query, authorization=signed(query)).status_code == 200

    def test_what_is_signed(self):
        expected = hmac.new(b"correct-horse-battery-staple", b"1800000000.max_seconds=5", hashlib.sha256).hexdigest()
        assert signature(SECRET, str(NOW), "max_seconds=5") == expected

    def test_digits_may_be_capital_letters(self, rows, call):
        assert call(authorization=f"HMAC-SHA256 {signed().split()[1].upper()}").status_code == 200

    def test_with_each_of_several_secrets(self, rows, call):
        with override_settings(ONESHOT={"TICK_SECRET": [OTHER, SECRET]}):
            assert call(authorization=signed()).status_code == 200

    def test_a_signature_is_good_for_one_request(self, rows, call):
        once = signed()
        assert call(authorization=once).status_code == 200
        assert_refused(call(authorization=once))
        assert_refused(call(authorization=once.replace(once[-64:], once[-64:].upper())))

    @pytest.mark.usefixtures("no_run", "rows")
    @pytest.mark.parametrize(
        "authorization",
        [
            signed(secret=OTHER, timestamp=NOW),
            signed(timestamp=NOW)[:-1],
            signed(timestamp=NOW) + "0",
            signed(timestamp=NOW).replace(str(NOW), str(NOW + 1)),
            signed(timestamp=NOW).replace(str(NOW), f"0{NOW}"),
            signed("max_seconds=5", timestamp=NOW),
            signed(timestamp=NOW).replace("HMAC-SHA256", "Bearer"),
            signed(timestamp=NOW).replace(":", " "),
            f"HMAC-SHA256 {NOW}:",
            f"HMAC-SHA256 :{'0' * 64}",
            f"HMAC-SHA256 {NOW}:{'0' * 64}",
            f"HMAC-SHA256 {'9' * 100_000}:{'0' * 64}",
            f"HMAC-SHA256 -{NOW}:{'0' * 64}",
            f"HMAC-SHA256 \u0661\u0662:{'0' * 64}",
            f"HMAC-SHA256 {NOW}:{'é' * 64}",
        ],
    )
    def test_all_others_are_refused_alike(self, call, authorization, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: NOW)
        assert_refused(call(authorization=authorization))
        assert not UsedSignature.objects.exists()

    @pytest.mark.usefixtures("no_run")
    def test_the_query_cannot_be_changed(self, rows, call):
        assert_refused(call("max_seconds=500", authorization=signed("max_seconds=5")))
        assert_refused(call("", authorization=signed("max_seconds=5")))

    @pytest.mark.parametrize("seconds", [-TOLERANCE, 0, TOLERANCE])
    def test_clocks_may_differ_by_some_minutes(self, rows, call, monkeypatch, seconds):
        monkeypatch.setattr(time, "time", lambda: NOW)
        assert call(authorization=signed(timestamp=NOW + seconds)).status_code == 200

    @pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1, -NOW])
    @pytest.mark.usefixtures("no_run")
    def test_old_ones_are_refused_and_those_of_the_future(self, call, monkeypatch, seconds):
        monkeypatch.setattr(time, "time", lambda: NOW)
        assert_refused(call(authorization=signed(timestamp=NOW + seconds)))

    def test_of_many_at_the_same_time_one_is_let_in(self, rows, in_threads):
        used, now = [], int(time.time())
        in_threads(8, lambda: used.append(signatures.use_up("f" * 64, now)))
        assert sorted(used) == [False] * 7 + [True]

    def test_signatures_are_forgotten_after_a_day(self, rows, call):
        for days in (-1, 1):
            forget_at = timezone.now() + timedelta(days=days)
            UsedSignature.objects.create(signature=f"{days}", forget_at=forget_at)
        assert call(authorization=signed()).status_code == 200
        assert UsedSignature.objects.count() == 2
        assert not UsedSignature.objects.filter(signature="-1").exists()

    def test_one_whose_clock_is_set_back_is_remembered(self, rows, call, monkeypatch):
        now = int(time.time())
        once = signed(timestamp=now)
        assert call(authorization=once).status_code == 200
        signatures.use_up("f" * 64, now + 12 * 3600)
        assert_refused(call(authorization=once))

    @pytest.mark.usefixtures("no_run")
    def test_without_a_database_to_remember_it_it_is_refused(self, call, monkeypatch):
        monkeypatch.setattr(signatures, "is_missing", lambda alias: True)
        assert_refused(call(authorization=signed()))

    def test_a_bearer_needs_no_database(self, call, monkeypatch):
        monkeypatch.setattr("django_tasks_oneshot.views.drain_aside", lambda *args: mock.Mock(as_dict=dict))
        assert call().status_code == 200


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "it has no header Authorization: Bearer ..., or none comes as far as this"),
        ("Bearer wrong", "its bearer token is another one"),
        ("HMAC-SHA256 wrong", "its signature is not TIMESTAMP:SIGNATURE"),
        (signed(secret=OTHER, timestamp=NOW), "its signature is another one"),
        (signed(timestamp=NOW - 301), "its timestamp is 301 seconds off"),
        (signed(timestamp=NOW), "its signature has been used"),
    ],
)
def test_the_log_says_why_somebody_was_refused(rows, call, caplog, monkeypatch, authorization, reason):
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(credentials, "use_up", lambda *args: False)
    assert_refused(call(authorization=authorization))
    assert f"A request for a run was refused: {reason}." in caplog.text
    assert SECRET not in caplog.text


@override_settings(ONESHOT={})
def test_the_log_says_that_nobody_may_call(call, caplog):
    call()
    assert "Nobody may start a run by a request: ONESHOT['TICK_SECRET'] is not set." in caplog.text
