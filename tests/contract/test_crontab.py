from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from django_tasks_oneshot import Cron, InvalidTask
from django_tasks_oneshot.contract.crontab import LONGEST_LINE

from .cron_oracle import MONTHS
from .moments import utc

NEVER_FIRES = "Cron({!r}) never fires: none of its months has such a day; write one that they have."

FIVE = "five fields (minute hour day month weekday)"


def refusal(line):
    with pytest.raises(InvalidTask) as refused:
        Cron(line)
    return str(refused.value)


class TestRefuses:
    @pytest.mark.parametrize(
        "line",
        [
            "",
            "* * * *",
            "@reboot",
            "@fortnightly",
            "every five minutes, from nine to five",
            "7:00",
            None,
            7,
            b"* * * * *",
            ["*", "*", "*", "*", "*"],
            timedelta(hours=1),
        ],
    )
    def test_what_has_not_five_fields(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value).startswith(f"Cron({line!r}) is not a crontab line; write five fields (minute hour")
        assert "@hourly" in str(refused.value)

    @pytest.mark.parametrize(
        ("line", "instead"),
        [
            *((line, "write '@daily'") for line in ("@Daily", " @daily ", "@DAILY\n")),
            *((line, "write Every(...), such as Every(minutes=5)") for line in ("@every 5m", "@every 1h30m", "@every")),
            *(
                (f"{name}=Europe/London {line}", f"write {FIVE}, and beside them timezone='Europe/London'")
                for name in ("TZ", "CRON_TZ")
                for line in ("0 7 * * *", "@daily")
            ),
            *(
                (line, f"write {FIVE}; leave out the seconds (and years)")
                for line in (
                    "* * * * * *",
                    "0 0 7 * * *",
                    "0 0 12 ? * MON-FRI",
                    "0 0 7 * * ? 2026",
                    "0 0 7 L * ? *",
                    "0 15 7 ? * 6#3",
                )
            ),
            *(
                (line, f"write only the {FIVE}, without a command")
                for line in ("0 7 * * * manage.py clearsessions", "*/5 * * * * root /bin/run", "0 7 * * * ls")
            ),
            ("@daily /bin/run", "write only @daily, without a command"),
        ],
    )
    def test_what_other_programs_write(self, line, instead):
        assert refusal(line) == f"Cron({line!r}) is not a crontab line; {instead}."

    @pytest.mark.parametrize(
        "line",
        [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 0 *",
            "* * * 13 *",
            "* * * * 8",
            "-1 * * * *",
            "1- * * * *",
            "1,,2 * * * *",
            "1.5 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "a b c d e",
            "* * * feb-foo *",
            "* * * * monday",
            "* * * * **",
            "*-5 * * * *",
            "*/1/2 * * * *",
            "*,-,* * * * *",
            "0-99 * * * *",
            "99-100 * * * *",
            "0 0 * jan mon#x",
            "0 0 * mon *",
            "0 0 * * jan",
            "_ * * * *",
            "1_0 * * * *",
        ],
    )
    def test_a_field_that_cron_would_not_take(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value).startswith(f"Cron({line!r}) is not a crontab line (")
        assert "write minute 0-59, hour 0-23" in str(refused.value)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("H * * * *", "'H' is not a number"),
            ("0 H(0-5) * * *", "'H(0-5)' is not a star, a value or a range"),
            ("R * * * *", "'R' is not a number"),
            ("r/5 * * * *", "'r' is not a number"),
            ("0 R(1-5) * * *", "'R(1-5)' is not a star, a value or a range"),
            ("0 0 ? * *", "write * for ?"),
            ("0 0 * * ?", "write * for ?"),
            ("0 0 15W * *", "'15W' is not a number"),
            ("0 0 W15 * *", "'W15' is not a number"),
            ("0 0 LW * *", "'LW' is not a number"),
            ("0 0 L-3 * *", "'L' is not a number"),
            ("0 0 1-L * *", "'L' is not a number"),
            ("0 0 5L * *", "'5L' is not a number"),
            ("L * * * *", "'L' is not a number"),
            ("0 0 * * L", "'L' is not a number and not one of sun, mon, tue, wed, thu, fri, sat"),
            ("0 0 * * 5#6", "'5#6' is not a star, a value or a range"),
            ("0 0 * * 5#0", "'5#0' is not a star, a value or a range"),
            ("0 0 * * 5#-1", "'5#-1' is not a star, a value or a range"),
            ("0 0 * * 1-5#2", "'1-5#2' is not a star, a value or a range"),
            ("0 0 * * 8#2", "'8' is not from 0 to 7"),
            ("0 0 * * L8", "'8' is not from 0 to 7"),
            ("0 0 5#2 * *", "'5#2' is not a star, a value or a range"),
            ("٣ * * * *", "'٣' is not a star, a value or a range"),
            ("0 0 * * ٣", "'٣' is not a star, a value or a range"),
            ("*/٣ * * * *", "'*/٣' is not a star, a value or a range"),
            ("0 0 * * ²", "'²' is not a star, a value or a range"),
        ],
    )
    def test_what_other_crons_know(self, line, said):
        assert refusal(line).startswith(f"Cron({line!r}) is not a crontab line ({said}); write minute 0-59, hour 0-23")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("60 7 * * *", "'60' is not from 0 to 59"),
            ("0 7,24 * * *", "'24' is not from 0 to 23"),
            ("0 7 0 * *", "'0' is not from 1 to 31"),
            ("0 7 1-32/2 * *", "'32' is not from 1 to 31"),
            ("0 7 * 13 *", "'13' is not from 1 to 12"),
            ("0 7 * * mon-8", "'8' is not from 0 to 7"),
            ("0 7 * Foo *", f"'Foo' is not a number and not one of {', '.join(MONTHS)}"),
        ],
    )
    def test_what_a_field_does_not_reach(self, line, said):
        assert refusal(line).startswith(f"Cron({line!r}) is not a crontab line ({said}); write minute 0-59, hour 0-23")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("22-2 * * * *", "'22-2' goes backwards; write 22-59,0-2"),
            ("0 22-2 * * *", "'22-2' goes backwards; write 22-23,0-2"),
            ("0 0 25-5 * *", "'25-5' goes backwards; write 25-31,1-5"),
            ("0 0 * nov-feb *", "'nov-feb' goes backwards; write 11-12,1-2"),
            ("0 0 * * fri-sun", "'fri-sun' goes backwards; write 5-6,0"),
            ("0 0 * * sat-mon", "'sat-mon' goes backwards; write 6,0-1"),
            ("5/15 * * * *", "'5/15' has a step and no range; write 5-59/15"),
            ("0 8/4 * * *", "'8/4' has a step and no range; write 8-23/4"),
            ("0 0 * jan/3 *", "'jan/3' has a step and no range; write 1-12/3"),
        ],
    )
    def test_with_what_to_write_instead(self, line, said):
        assert f"({said})" in refusal(line)

    def test_with_all_that_a_field_may_be(self):
        assert refusal("60 * * * *").endswith(
            "; write minute 0-59, hour 0-23, day 1-31 or L, month 1-12 or jan-dec, weekday 0-7, sun-sat, fri#2 or friL."
        )

    def test_what_is_too_long(self):
        line = ",".join(["1"] * LONGEST_LINE) + " * * * *"
        assert refusal(line) == f"Cron('{line:.50}...') is too long; write at most {LONGEST_LINE} characters."

    def test_a_long_text_without_all_of_it(self):
        assert len(refusal("x" * 1_000_000)) < 500


class TestNeverFires:
    @pytest.mark.parametrize(
        "months", [months for length in range(1, 6) for months in combinations((2, 4, 6, 9, 11), length)], ids=str
    )
    def test_a_31st_of_shorter_months(self, months):
        line = f"0 0 31 {','.join(map(str, months))} *"
        assert refusal(line) == NEVER_FIRES.format(line)

    @pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 30,31 feb *", "* * 30-31 2 *", "0 0 31 2-2 *"])
    def test_a_30th_of_february(self, line):
        assert refusal(line) == NEVER_FIRES.format(line)

    @pytest.mark.parametrize("line", ["0 0 30 2 */2", "0 0 */40 * fri#2", "0 0 31 6 */2", "0 0 31 4 *,mon"])
    def test_a_day_that_both_have_to_match_and_none_does(self, line):
        assert refusal(line) == NEVER_FIRES.format(line)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("0 0 30 2 mon", "2026-02-02"),  # either
            ("0 0 30 2 mon#5", "2044-02-29"),
            ("0 0 29 2 *", "2028-02-29"),
            ("0 0 29 2 */7", "2032-02-29"),
            ("0 0 31 2,3 *", "2026-03-31"),
            ("0 0 30 2,4 *", "2026-04-30"),
            ("0 0 30,L 2 *", "2026-02-28"),
        ],
    )
    def test_is_not_said_of_what_fires_once_in_a_while(self, line, expected):
        assert Cron(line, timezone="UTC").next_after(utc("2026-01-01")) == utc(expected)


class TestWhateverIsWritten:
    ALPHABET = "0123456789*/,-#LlWw?HhRr@_ \t.+" + "janfebmrpyulgsoctvdhi"
    PIECES = [
        *"0123456789*/,-#L?WH",
        *["5", "12", "31", "60", "*/", "jan", "mon", "sun", "fri#", "-", "00", "1-5", "L"],
    ]
    NOW = datetime(2026, 2, 3, 10, 17, tzinfo=UTC)

    def accepted(self, line):
        try:
            return Cron(line, timezone="Europe/London")
        except InvalidTask:
            return None

    def test_is_taken_or_refused_as_text(self):
        chance = random.Random(20260203)
        for _ in range(3000):
            self.accepted("".join(chance.choices(self.ALPHABET, k=chance.randrange(24))))

    def test_is_taken_or_refused_as_fields_and_fires_where_it_is_taken(self):
        chance = random.Random(20260203)
        taken = 0
        for _ in range(6000):
            fields = ["".join(chance.choices(self.PIECES, k=chance.choice([1, 1, 1, 2, 3, 4]))) for _ in range(5)]
            fields = [field if chance.random() < 0.4 else "*" for field in fields]
            cron = self.accepted(" ".join(fields))
            if cron is not None:
                taken += 1
                assert cron.last_before(self.NOW) <= self.NOW < cron.next_after(self.NOW)
        assert 1000 < taken < 5000
