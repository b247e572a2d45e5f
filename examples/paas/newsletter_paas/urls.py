from django.urls import include, path

urlpatterns = [
    path("tasks/", include("django_tasks_oneshot.urls")),  # tasks/run/, for hosts that call a URL
]
