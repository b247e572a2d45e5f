import os

from django.http import JsonResponse
from django.urls import path
from letters.tasks import greet


def title(request):
    return JsonResponse({"title": os.environ["TITLE"]})


def write(request, backend, name):
    return JsonResponse({"id": greet.using(backend=backend).enqueue(name).id})


def read(request, backend, result_id):
    result = greet.using(backend=backend).get_result(result_id)
    return JsonResponse({"status": result.status, "errors": [error.traceback for error in result.errors]})


urlpatterns = [
    path("", title),
    path("write/<backend>/<name>", write),
    path("read/<backend>/<result_id>", read),
]
