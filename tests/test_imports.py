"""Who may import whom: contract <- backends <- run <- the edges."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "django_tasks_oneshot"
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in (*PACKAGE.rglob("*.py"), *(PACKAGE / "handlers").glob("*.py"))
    if "migrations" not in path.parts
}

# What each part may import of the package, besides itself and compat.
ALLOWED = {
    "compat": set(),
    "contract": set(),
    "db": {"contract"},
    "models": {"db"},
    "conf": set(),
    "bundle": set(),
    "hosts": {"run/deadline"},
    "http": {"backends/base", "conf", "contract", "db", "models", "run"},
    "views": {"backends/base", "conf", "http", "run"},
    "urls": {"views"},
    "admin": {"contract", "db", "forms", "models", "run"},
    "apps": {"conf", "contract", "http", "run"},
    "forms": {"contract", "models", "run"},
    "backends": {"contract", "db", "models"},
    "run": {"contract", "db", "models", "backends/base"},
    "management": {"bundle", "conf", "contract", "db", "hosts", "http", "models", "backends/base", "run"},
    "handlers": {"conf", "db", "backends/base", "backends/sqs_event", "run"},
    "__init__": {"contract"},
}
# Models are for those who store: the rest of a run knows no database.
MODELS_ARE_FOR = {
    "admin",
    "forms",
    "http/signatures",
    "run/schedules",
    "run/listing",
    "run/fire",
    "run/tick",
    "management/commands/prune_tasks",
    "management/commands/task_schedules",
}
CLIENTS_OF_AWS = {"backends/sqs_client", "handlers/secrets"}


def imports_of(module):
    """The modules of the package that one imports, wherever in it the statement is."""
    depth_of = module.split("/")
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = "/".join([*depth_of[: len(depth_of) - node.level], *filter(None, [node.module])])
            base = base.replace(".", "/")
            for name in node.names:
                full = f"{base}/{name.name}".strip("/")
                yield full if full in MODULES else base or "__init__"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_is_below_it(module):
    part = module.split("/")[0]
    for imported in imports_of(module):
        below = imported == "compat" or imported.split("/")[0] == part
        assert below or any(imported == each or imported.startswith(f"{each}/") for each in ALLOWED[part]), imported


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_those_who_store_import_models(module):
    if "models" in set(imports_of(module)):
        assert module in MODELS_ARE_FOR or module.startswith("backends/database_")


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"compat"}))
def test_only_compat_asks_where_the_tasks_framework_is(module):
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        assert not any(name.split(".")[0] == "django_tasks" or name.startswith("django.tasks") for name in names)


def imports_of_aws(node):
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
    names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
    return [name for name in names if name.split(".")[0] in ("boto3", "botocore")]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_clients_of_aws_import_boto3_and_only_when_it_is_used(module):
    tree = ast.parse(MODULES[module].read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    allowed = {inner for each in functions for inner in ast.walk(each)} if module in CLIENTS_OF_AWS else set()
    for node in ast.walk(tree):
        if imports_of_aws(node):
            assert node in allowed, imports_of_aws(node)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_has_at_most_400_lines(module):
    assert len(MODULES[module].read_text().splitlines()) <= 400


def test_the_backend_can_be_made_before_the_models_are_there():
    """Django's decorator asks for the backend while tasks modules are imported, by models if it pleases them."""
    code = (
        "import sys; from django.conf import settings; settings.configure(TASKS={'default': {'BACKEND': "
        "'django_tasks_oneshot.backends.database.DatabaseBackend'}}); from django_tasks_oneshot import task\n"
        "assert 'django_tasks_oneshot.models' not in sys.modules\n"
        "from django_tasks_oneshot.compat import task_backends; task_backends['default']\n"
        "assert 'django_tasks_oneshot.models' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
