"""``path("tasks/", include("django_tasks_oneshot.urls"))`` gives ``tasks/run/``."""

from django.urls import path

from .views import run_due_tasks

app_name = "django_tasks_oneshot"
urlpatterns = [path("run/", run_due_tasks, name="run_due_tasks")]
