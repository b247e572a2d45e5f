from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.models import StoredTask, TaskDuration
from tests.project.shop import tasks


@pytest.fixture
def failed_task(rows, run):
    result = tasks.fail_at_once.enqueue()
    run()
    return result


def test_the_list_shows_tasks_of_every_kind(failed_task, admin):
    waiting = tasks.noop.using(run_after=timezone.now() + timedelta(days=1)).enqueue()
    StoredTask.objects.filter(pk=waiting.id).update(task_path="gone.tasks.gone")
    page = admin.get("/admin/django_tasks_oneshot/storedtask/").content.decode()
    assert "gone.tasks.gone" in page
    assert "tests.project.shop.tasks.fail_at_once" in page


def test_a_task_is_shown_with_its_attempts(failed_task, admin):
    page = admin.get(f"/admin/django_tasks_oneshot/storedtask/{failed_task.id}/change/").content.decode()
    assert page.count("ValueError: again") == 3
    assert 'name="_save"' not in page


def test_tasks_are_found_by_path_and_by_id(failed_task, admin):
    for query in ("fail_at", failed_task.id):
        page = admin.get("/admin/django_tasks_oneshot/storedtask/", {"q": query}).content.decode()
        assert "1 task" in page


def test_schedules_are_listed(rows, run, admin):
    run()
    page = admin.get("/admin/django_tasks_oneshot/schedule/").content.decode()
    assert "tests.project.shop.tasks.digest" in page
    assert "0 7 * * mon-fri (Europe/London)" in page


def test_usual_durations_are_listed(rows, admin):
    TaskDuration.objects.create(path="shop.tasks.reindex", seconds=61.5)
    page = admin.get("/admin/django_tasks_oneshot/taskduration/").content.decode()
    assert "shop.tasks.reindex" in page
    assert "61.5" in page


def test_how_far_a_task_has_come_is_shown(rows, admin):
    result = tasks.noop.enqueue()
    rows.update(checkpoint={"value": "page 57"})
    page = admin.get(f"/admin/django_tasks_oneshot/storedtask/{result.id}/change/").content.decode()
    assert "page 57" in page


def test_nothing_of_a_task_can_be_added_changed_or_deleted(failed_task, admin):
    pk = failed_task.id
    base = "/admin/django_tasks_oneshot/storedtask"
    assert admin.get(f"{base}/add/").status_code == 403
    assert admin.post(f"{base}/{pk}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert admin.post(f"{base}/{pk}/change/", {"status": "READY"}).status_code == 403
    assert StoredTask.objects.filter(pk=failed_task.id, status="FAILED").exists()
