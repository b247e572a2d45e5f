"""What a message says, and whose word is taken."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core.signing import Signer
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from django_tasks_oneshot.backends.sqs_message import (
    LARGEST_MESSAGE,
    LONGEST_HISTORY,
    MOST_WORKERS,
    ROOM,
    Message,
    UnreadableMessage,
    decode,
    encode,
    size_beside_checkpoint,
)
from django_tasks_oneshot.contract.exceptions import UnstorableValue
from django_tasks_oneshot.contract.retry import INTERRUPTED
from django_tasks_oneshot.contract.values import to_json

LARGEST = LARGEST_MESSAGE - ROOM  # when it is first sent
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL = Message(backend="default", id="1", queue_name="default", path="shop.tasks.noop")
FULL = Message(
    backend="default",
    id="0197a6f0-0000-7000-8000-000000000000",
    queue_name="mail",
    priority=-7,
    path="shop.tasks.send",
    args=[1, None, "é", {"a": [1.5]}],
    kwargs={"to": "a@example.com"},
    enqueued_at=NOON,
    run_after=NOON + timedelta(hours=1, microseconds=1),
    due_at=1772366400.25,
    group="customer-7",
    sent=12,
    attempts=3,
    workers=["a", "", "b"],
    errors=[["builtins.ValueError", "ValueError: no"], ["KeyError", "KeyError: 'é'"]],
    forgotten=5,
    started_at=datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    last_attempted_at=NOON,
    received=3,
    interruptions=2,
    checkpoint={"value": [1], "loops": 2},
    scheduled_for=NOON,
    replaces=4,
)


def signed(content):
    """As one who has the project's SECRET_KEY could write it."""
    text = content if isinstance(content, str) else json.dumps(content)
    return Signer(salt="django_tasks_oneshot.sqs").sign(text)


def values_of(message):
    return json.loads(Signer(salt="django_tasks_oneshot.sqs").unsign(encode(message)))


def fits_exactly(size=LARGEST):
    """A message whose body has so many bytes."""
    message = Message(backend="default", id="1", queue_name="default", path="x", args=[""])
    return replace(message, args=["x" * (size - len(encode(message)))])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


class TestRoundTrip:
    def test_all_fields_are_read_back(self):
        assert {name for name, value in vars(FULL).items() if value == getattr(SMALL, name)} == {"backend"}
        assert decode(encode(FULL)) == FULL

    def test_what_is_as_usual_takes_no_room(self):
        assert set(values_of(SMALL)) == {"v", "backend", "id", "queue_name", "path"}
        assert decode(encode(SMALL)) == SMALL

    def test_one_of_a_row_says_which_and_nothing_else(self):
        row = Message(backend="default", id="7", queue_name="default")
        assert set(values_of(row)) == {"v", "backend", "id", "queue_name"}
        assert decode(encode(row)).is_row
        assert not decode(encode(SMALL)).is_row

    @given(args=st.lists(json_values, max_size=3), kwargs=st.dictionaries(st.text(), json_values, max_size=3))
    def test_arguments_come_back_as_they_were(self, args, kwargs):
        message = Message(backend="b", id="1", queue_name="q", path="p", args=args, kwargs=kwargs)
        read = decode(encode(message))
        assert (list(read.args), read.kwargs) == (args, kwargs)

    @given(text=st.text())
    def test_a_body_is_printable_ascii_whatever_it_carries(self, text):
        body = encode(Message(backend=text, id=text, queue_name=text, path=text, args=[text], group=text))
        assert all(" " <= letter <= "\x7f" for letter in body)

    def test_each_sending_can_be_told_from_the_one_before(self):
        again = SMALL.sent_anew(due_at=5)
        assert (again.id, again.sent, again.due_at) == (SMALL.id, SMALL.sent + 1, 5)
        assert again.sent_anew().due_at == 0


class TestWhatIsNotTaken:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            ":",
            "hello",
            "{}",
            "null",
            '{"v": 1}',
            "é:é",
            "\ud800:\ud800",
            "x" * 100_000,
            '{"v":1}:' + "A" * 43,
            json.dumps({"v": 1, **{k: v for k, v in vars(SMALL).items() if isinstance(v, str)}}),
        ],
    )
    def test_what_is_not_signed(self, body):
        with pytest.raises(UnreadableMessage, match="SECRET_KEY"):
            decode(body)

    def test_what_was_cut_off(self):
        body = encode(FULL)
        for end in range(0, len(body), 7):
            with pytest.raises(UnreadableMessage):
                decode(body[:end])

    @given(place=st.integers(0, len(encode(FULL)) - 1), letter=st.characters(max_codepoint=0x10FFFF))
    def test_what_was_changed_anywhere(self, place, letter):
        body = encode(FULL)
        changed = body[:place] + letter + body[place + 1 :]
        if changed != body:
            with pytest.raises(UnreadableMessage):
                decode(changed)

    def test_what_another_project_has_signed(self):
        with override_settings(SECRET_KEY="another"):
            body = encode(SMALL)
        with pytest.raises(UnreadableMessage, match="SECRET_KEY"):
            decode(body)

    def test_what_the_project_has_signed_for_something_else(self):
        body = Signer(salt="elsewhere").sign(json.dumps(values_of(SMALL)))
        with pytest.raises(UnreadableMessage, match="SECRET_KEY"):
            decode(body)

    @pytest.mark.parametrize("version", [0, 2, "1", None, [1], {}])
    def test_another_version(self, version):
        with pytest.raises(UnreadableMessage, match="another version"):
            decode(signed({**values_of(SMALL), "v": version}))

    def test_a_field_that_is_not_known(self):
        with pytest.raises(UnreadableMessage, match=r"another version.*colour"):
            decode(signed({**values_of(SMALL), "colour": "red"}))

    @pytest.mark.parametrize("missing", ["v", "backend", "id", "queue_name"])
    def test_a_field_that_is_missing(self, missing):
        values = values_of(SMALL)
        del values[missing]
        with pytest.raises(UnreadableMessage, match="another version"):
            decode(signed(values))

    @pytest.mark.parametrize(
        "content", ["null", "[]", "[1]", "7", "true", '"v"', "{}", "", "{", "nonsense", "NaN", "[" * 200_000]
    )
    def test_what_is_no_message_though_it_is_signed(self, content):
        with pytest.raises(UnreadableMessage, match="another version"):
            decode(signed(content))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("backend", None),
            ("backend", ["default"]),
            ("id", 7),
            ("queue_name", {}),
            ("priority", "high"),
            ("path", 3),
            ("path", None),
            ("args", "abc"),
            ("args", {"a": 1}),
            ("kwargs", [1]),
            ("enqueued_at", "yesterday"),
            ("enqueued_at", 1772366400),
            ("enqueued_at", None),
            ("run_after", []),
            ("due_at", "soon"),
            ("due_at", float("inf")),
            ("due_at", float("nan")),
            ("group", 5),
            ("sent", "1"),
            ("attempts", "3"),
            ("attempts", 1.5),
            ("attempts", None),
            ("attempts", -1),
            ("workers", "abc"),
            ("workers", [1]),
            ("errors", "abc"),
            ("errors", [1]),
            ("errors", [["only one"]]),
            ("errors", [["path", None]]),
            ("interruptions", []),
            ("checkpoint", "x"),
            ("scheduled_for", "2026-13-01"),
            ("replaces", "1"),
        ],
    )
    def test_a_value_of_another_type(self, name, value):
        with pytest.raises(UnreadableMessage, match="another version"):
            decode(signed({**values_of(FULL), name: value}))

    @given(st.dictionaries(st.sampled_from([*vars(FULL), "v", "w"]), json_values))
    def test_nothing_but_unreadable_comes_of_any_values(self, changes):
        with suppress(UnreadableMessage):
            assert encode(decode(signed({**values_of(FULL), **changes})))


class TestKeys:
    def test_a_key_that_was_replaced_is_known_while_it_is_a_fallback(self):
        body = encode(FULL)
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["older", "only for tests"]):
            assert decode(body).id == FULL.id
            assert decode(encode(FULL)).id == FULL.id
        with override_settings(SECRET_KEY="new"), pytest.raises(UnreadableMessage):
            decode(body)

    def test_what_is_sent_anew_is_signed_with_the_new_key(self):
        body = encode(FULL)
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["only for tests"]):
            again = encode(decode(body))
        with override_settings(SECRET_KEY="new"):
            assert decode(again).id == FULL.id


class TestSize:
    def test_the_largest_message_is_taken(self):
        message = fits_exactly()
        assert len(encode(message)) == LARGEST
        assert decode(encode(message)).args == message.args

    def test_one_byte_more_is_refused_and_says_what_to_do(self):
        message = fits_exactly()
        message.args[0] += "x"
        with pytest.raises(UnstorableValue, match=r"x: its message is 1,046,529 bytes, .*1,046,528.*pass its key"):
            encode(message)

    def test_the_largest_message_can_be_tried_again_for_ever(self):
        message = replace(
            fits_exactly(),
            sent=10**6,
            attempts=10**6,
            interruptions=10**6,
            started_at=NOON + timedelta(microseconds=1),
            last_attempted_at=NOON + timedelta(microseconds=1),
            run_after=NOON + timedelta(microseconds=1),
            due_at=1772366400.123456,
            workers=["w" * 64] * 20,
            errors=[["builtins.ValueError", "x" * 4096]] * 20,
        )
        assert len(encode(message)) <= LARGEST_MESSAGE

    def test_what_is_too_large_when_it_is_sent_anew_is_refused_too(self):
        message = replace(fits_exactly(), sent=2, checkpoint={"value": "x" * 5000})
        with pytest.raises(UnstorableValue, match="1,048,576"):
            encode(message)

    @given(json_values)
    def test_the_size_beside_a_checkpoint_is_what_it_adds_to(self, value):
        message = replace(FULL, errors=(), checkpoint={"value": value})
        assert size_beside_checkpoint(message) + len(to_json(message.checkpoint)) == len(encode(message))

    def test_the_largest_checkpoint_is_one_that_fits_without_a_history(self):
        message = replace(FULL, errors=[["builtins.ValueError", "x" * 4000]] * 20, workers=["w" * 64] * 20)
        room = LARGEST_MESSAGE - size_beside_checkpoint(message) - len('""')
        encode(replace(message, checkpoint="x" * room))
        with pytest.raises(UnstorableValue):
            encode(replace(message, checkpoint="x" * (room + 1)))

    def test_only_the_latest_errors_travel(self):
        errors = [[f"E{number}", f"{number} " + "x" * 3000] for number in range(100)]
        kept = decode(encode(replace(FULL, errors=errors))).errors
        assert kept == errors[-len(kept) :]
        assert 5 < len(kept) < 15
        assert len(json.dumps(kept)) <= LONGEST_HISTORY

    def test_of_a_long_traceback_its_end_travels(self):
        ((path, traceback),) = decode(encode(replace(FULL, errors=[["E", "x" * 70_000 + "end"]]))).errors
        assert path == "E"
        assert traceback.endswith("end")
        assert len(traceback) == 4096

    def test_the_number_of_attempts_stays_right_however_many_are_forgotten(self):
        before = replace(FULL, attempts=500, workers=[f"w{number}" for number in range(500)])
        after = decode(encode(before))
        assert after.attempts == 500
        assert after.workers == [f"w{number}" for number in range(500 - MOST_WORKERS, 500)]

    def test_the_number_of_failures_stays_right_however_many_are_forgotten(self):
        failure, interruption = ["builtins.ValueError", "x" * 4000], [INTERRUPTED, "x" * 4000]
        message = replace(FULL, errors=(), forgotten=0)
        for _ in range(30):
            message = decode(encode(replace(message, errors=[*message.errors, failure, interruption])))
        assert message.forgotten + sum(path != INTERRUPTED for path, _ in message.errors) == 30

    def test_a_history_gives_way_to_large_arguments(self):
        large = fits_exactly(LARGEST - 100)
        with_history = replace(large, errors=[["E", "x" * 1000]])
        assert decode(encode(with_history)).errors == ()
        assert decode(encode(with_history)).forgotten == 1
        assert decode(encode(with_history)).args == large.args
