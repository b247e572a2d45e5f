"""One marked line among lines of others."""

from __future__ import annotations

import pytest

from django_tasks_oneshot.hosts.crontab import LONGEST, UnusableLine, line_of, with_line, without_line

SITE = "/srv/site mysite.settings"
LINE = f"* * * * * run # django-tasks-oneshot: {SITE}"
NEW = f"*/5 * * * * run # django-tasks-oneshot: {SITE}"
OTHERS = """\
# m h  dom mon dow   command
MAILTO="ops@example.com"
PATH=/usr/local/bin:/usr/bin:/bin

0 3 * * * backup  # nightly\t
* * * * * run # django-tasks-oneshot: /srv/site mysite.settings2
@reboot echo "% \u2028 caf\udce9"\x0b
"""


def with_(crontab, line=LINE, mailto=None):
    return with_line(crontab, line, SITE, mailto, owner="www")


def without(crontab):
    return without_line(crontab, SITE, owner="www")


class TestLine:
    def test_ends_with_the_mark_of_its_project(self):
        assert line_of("* * * * *", "run", SITE) == LINE

    def test_a_percent_sign_is_no_line_break_to_cron(self):
        line = line_of("* * * * *", "echo 100% '%'", "/srv/50%")
        assert line == r"* * * * * echo 100\% '\%' # django-tasks-oneshot: /srv/50\%"

    def test_a_command_that_cron_would_not_read_is_refused(self):
        rest = len(f" # django-tasks-oneshot: {SITE}")
        line_of("* * * * *", "x" * (LONGEST - rest), SITE)
        with pytest.raises(UnusableLine, match=r"999 characters, and cron takes 998: .* --env-file"):
            line_of("* * * * *", "x" * (LONGEST - rest + 1), SITE)


class TestInstall:
    def test_into_an_empty_crontab(self):
        assert with_("") == f"{LINE}\n"

    def test_below_what_is_there(self):
        assert with_(OTHERS) == f"{OTHERS}{LINE}\n"

    def test_a_last_line_without_an_end_gets_one(self):
        assert with_("0 3 * * * backup") == f"0 3 * * * backup\n{LINE}\n"

    def test_again_changes_nothing(self):
        assert with_(with_(OTHERS)) == with_(OTHERS)

    def test_an_older_line_is_replaced_where_it_stands(self):
        assert with_(f"{LINE}\n{OTHERS}", NEW) == f"{NEW}\n{OTHERS}"

    def test_of_several_one_remains(self):
        assert with_(f"a\n{LINE}\nb\n{LINE}\nc\n", NEW) == f"a\n{NEW}\nb\nc\n"

    def test_one_that_somebody_has_switched_off_is_on_again(self):
        assert with_(f"# {LINE}\n") == f"{LINE}\n"

    def test_that_of_another_project_stays(self):
        other = "* * * * * run # django-tasks-oneshot: /srv/site2 mysite.settings\n"
        assert with_(other) == f"{other}{LINE}\n"
        assert with_(f"{LINE} and more\n") == f"{LINE} and more\n{LINE}\n"

    def test_that_of_other_settings_stays(self):
        other = "* * * * * run # django-tasks-oneshot: /srv/site other.settings\n"
        assert with_(other) == f"{other}{LINE}\n"

    def test_a_path_with_a_percent_sign_is_found_again(self):
        line = line_of("* * * * *", "run", "/srv/50%")
        once = with_line("", line, "/srv/50%", None, "www")
        assert with_line(once, line, "/srv/50%", None, "www") == once
        assert without_line(once, "/srv/50%", "www") == ""

    def test_one_with_the_line_ends_of_another_system_is_found_again(self):
        assert with_(f"a\r\n{LINE}\r\nb\r\n", NEW) == f"a\r\n{NEW}\nb\r\n"


class TestRemove:
    @pytest.mark.parametrize("mailto", [None, "me@example.com", '""'])
    def test_leaves_what_was_there_before(self, mailto):
        assert without(with_(OTHERS, mailto=mailto)) == OTHERS

    @pytest.mark.parametrize("crontab", ["", OTHERS])
    def test_changes_nothing_where_there_is_none(self, crontab):
        assert without(crontab) == crontab

    def test_takes_all_of_several(self):
        assert without(f"{LINE}\n{OTHERS}{LINE}\n") == OTHERS


class TestMailto:
    def test_holds_for_this_line_alone(self):
        assert with_(OTHERS, mailto="me@example.com") == (
            f'{OTHERS}MAILTO=me@example.com\n{LINE} (and MAILTO)\nMAILTO="ops@example.com"\n'
        )

    def test_below_it_the_owner_gets_mail_again(self):
        assert with_("", mailto='""') == f'MAILTO=""\n{LINE} (and MAILTO)\nMAILTO=www\n'

    @pytest.mark.parametrize("before", ["MAILTO=a", "  MAILTO = a  ", 'MAILTO=x\n"MAILTO"=a'])
    def test_what_held_before_is_found_however_it_is_spelled(self, before):
        assert with_(f"{before}\n", mailto="b").endswith("\nMAILTO=a\n")

    def test_that_of_a_line_below_does_not_count(self):
        assert with_(f"{LINE}\nMAILTO=below\n", mailto="b") == (
            f"MAILTO=b\n{LINE} (and MAILTO)\nMAILTO=www\nMAILTO=below\n"
        )

    def test_again_changes_nothing(self):
        once = with_(OTHERS, mailto="me@example.com")
        assert with_(once, mailto="me@example.com") == once

    def test_goes_with_the_next_change_that_does_not_ask_for_it(self):
        assert with_(with_(OTHERS, mailto="me@example.com")) == with_(OTHERS)

    def test_lines_that_somebody_has_put_in_between_stay(self):
        crontab = f"MAILTO=b\n0 3 * * * backup\n{LINE} (and MAILTO)\nMAILTO=b\n"
        assert without(crontab) == "MAILTO=b\n0 3 * * * backup\n"

    def test_what_somebody_has_made_of_the_line_below_stays(self):
        crontab = with_(OTHERS, mailto="b").replace('MAILTO="ops@example.com"\n', "MAILTO=payroll\n")
        changed = crontab.rpartition("MAILTO=payroll")[0].replace("MAILTO=payroll", 'MAILTO="ops@example.com"')
        crontab = f"{changed}MAILTO=payroll\n0 4 * * * pay\n"
        assert without(crontab) == f"{OTHERS}MAILTO=payroll\n0 4 * * * pay\n"
