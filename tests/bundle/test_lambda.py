"""A bundle of the package itself, unzipped as Lambda does it, in AWS's own runtime client."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from local_aws import LambdaFunction

from .image import ARCHITECTURE, LEFT_OUT, PYTHON, ROOT, make_image, make_own_wheel
from .site import make_site, manage_py

ENQUEUE = "from shop.tasks import where_am_i; print(where_am_i.enqueue().id)"
RESULT = "import json; from shop.tasks import where_am_i; print(json.dumps(where_am_i.get_result({!r}).return_value))"


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory):
    return make_own_wheel(tmp_path_factory.mktemp("own-wheel"))


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def site(own_wheel, tmp_path):
    root = make_site(tmp_path / "site")
    (root / "requirements.txt").write_text(f"django-tasks-oneshot[lambda] @ {own_wheel}\nDjango=={version('Django')}\n")
    return root


def run(site, *arguments, **environment):
    done = manage_py(site, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_functions_of_a_bundle_run_with_nothing_else(site, image, tmp_path):
    options = ("--architecture", ARCHITECTURE, "--python", PYTHON, "--uncompressed", *LEFT_OUT)
    run(site, "build_lambda", *options)
    with zipfile.ZipFile(site / "dist/lambda.zip") as bundle:
        bundle.extractall(tmp_path / "task")
    database = {"SITE_DATABASE": str(tmp_path / "database")}
    run(site, "migrate", "-v0", **database)
    task_id = run(site, "shell", "-v0", "-c", ENQUEUE, **database).strip()
    environment = {
        **database,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": str(image / "runtime"),
        "PYTHONWARNINGS": "error",
    }
    place = {"directory": tmp_path / "task", "python": str(image / "python/bin/python"), "timeout": 60}
    with LambdaFunction("django_tasks_oneshot.handlers.tick.handler", environment=environment, **place) as tick:
        assert tick.invoke({})["succeeded"] == 1
    found = json.loads(run(site, "shell", "-v0", "-c", RESULT.format(task_id), **database))
    assert found["django"] == str(tmp_path / "task/django/__init__.py")
    assert found["shop"] == str(tmp_path / "task/shop/tasks.py")
    assert [each for each in found["path"] if Path(each).is_relative_to(ROOT)] == []
    with LambdaFunction("django_tasks_oneshot.handlers.web.handler", environment=environment, **place) as web:
        assert web.invoke(REQUEST)["statusCode"] == 400  # Django's answer to a host that is not allowed


REQUEST = {
    "version": "2.0",
    "rawPath": "/",
    "rawQueryString": "",
    "headers": {"host": "example.com"},
    "requestContext": {
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
    },
    "isBase64Encoded": False,
}
