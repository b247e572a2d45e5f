from __future__ import annotations

import os

import pytest

from django_tasks_oneshot.bundle.errors import BundleError
from django_tasks_oneshot.bundle.files import DEFAULTS, NEVER, Rules, merge, select, select_installed


def chosen(root, **rules):
    return sorted(select(root, Rules(**rules)).files)


def test_a_project_goes_in_with_its_paths(tree):
    root = tree("manage.py", "shop/models.py", "shop/static/cart.js")
    assert select(root, Rules()).files == {
        path: root / path for path in ("manage.py", "shop/models.py", "shop/static/cart.js")
    }


SAMPLES = {
    ".git": ".git/config",
    ".env": ".env",
    ".env.*": "shop/.env.production",
    "*.sqlite3": "data/db.sqlite3",
    "*.sqlite3-journal": "db.sqlite3-journal",
    "*.sqlite3-wal": "db.sqlite3-wal",
    "*.sqlite3-shm": "db.sqlite3-shm",
    "*.tfstate*": "infra/terraform.tfstate.backup",
    "*.tfvars*": "infra/prod.auto.tfvars.json",
    "__pycache__": "shop/__pycache__/models.cpython-313.opt-1.pyc",
    "*.pyc": "shop/models.pyc",
    ".*": "shop/.DS_Store",
    "tests": "shop/tests/data/cart.json",
    "tests.py": "shop/tests.py",
    "test_*.py": "shop/test_cart.py",
    "conftest.py": "conftest.py",
    "node_modules": "frontend/node_modules/left-pad/index.js",
    "*.egg-info": "shop.egg-info/PKG-INFO",
    "*.tf": "infra/main.tf",
    "dist": "dist/old.zip",
}


def test_there_is_a_sample_of_each_pattern():
    assert list(SAMPLES) == [*NEVER, *DEFAULTS]


@pytest.mark.parametrize("pattern", SAMPLES)
def test_a_file_of_this_kind_is_left_out(tree, pattern):
    selection = select(tree("manage.py", SAMPLES[pattern]), Rules())
    assert list(selection.files) == ["manage.py"]
    assert {each.pattern for each in selection.left_out.values()} == {pattern}


@pytest.mark.parametrize("pattern", NEVER)
def test_what_is_never_in_is_not_taken_back(tree, pattern):
    root = tree("manage.py", SAMPLES[pattern])
    assert chosen(root, include=("*", pattern, SAMPLES[pattern])) == ["manage.py"]


@pytest.mark.parametrize("pattern", DEFAULTS)
def test_what_the_defaults_leave_out_is_taken_back(tree, pattern):
    root = tree("manage.py", SAMPLES[pattern])
    assert chosen(root, include=(pattern,)) == sorted(["manage.py", SAMPLES[pattern]])


def test_a_file_is_taken_back_from_a_directory_that_stays_out(tree):
    root = tree("shop/tests/test_cart.py", "shop/tests/data/cart.json", "shop/tests/data/other.json")
    assert chosen(root, include=("shop/tests/data/cart.json",)) == ["shop/tests/data/cart.json"]


def test_a_directory_is_taken_back_with_all_that_is_in_it(tree):
    root = tree("shop/tests/test_cart.py", "shop/tests/.hidden", "shop/tests/.env", "blog/tests/test_page.py")
    assert chosen(root, include=("shop/tests",)) == ["shop/tests/.hidden", "shop/tests/test_cart.py"]


def test_exclude_wins_over_include(tree):
    root = tree("shop/tests/a.py", "shop/tests/b.py")
    assert chosen(root, include=("tests",), exclude=("b.py",)) == ["shop/tests/a.py"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("cart.py", ["Cart.py", "shop/page.py"]),  # a name, wherever it is
        ("shop/cart.py", ["Cart.py", "blog/cart.py", "shop/page.py"]),  # a path
        ("shop", ["Cart.py", "blog/cart.py"]),  # a directory with all that is in it
        ("shop/", ["Cart.py", "blog/cart.py"]),
        ("./shop", ["Cart.py", "blog/cart.py"]),
        ("s*t.py", ["Cart.py", "blog/cart.py", "shop/page.py"]),  # * matches / in a path
        ("[bs]*/cart.py", ["Cart.py", "shop/page.py"]),
        ("hop/cart.py", ["Cart.py", "blog/cart.py", "shop/cart.py", "shop/page.py"]),  # not a part of a path
    ],
)
def test_a_pattern_is_compared_with_the_name_and_with_the_path(tree, pattern, left):
    root = tree("Cart.py", "shop/cart.py", "shop/page.py", "blog/cart.py")
    assert chosen(root, exclude=(pattern,)) == left


def test_a_virtual_environment_is_left_out_whatever_its_name(tree):
    root = tree("manage.py", "python/pyvenv.cfg", "python/lib/site.py")
    selection = select(root, Rules())
    assert list(selection.files) == ["manage.py"]
    assert str(selection.left_out["python"]) == "pyvenv.cfg: left out by default"


def test_paths_are_left_out_for_good_or_by_default(tree):
    root = tree("manage.py", "data/live", "media/cat.jpg")
    rules = {"never_paths": {root / "data/live": "DATABASES"}, "default_paths": {root / "media": "MEDIA_ROOT"}}
    assert chosen(root, **rules) == ["manage.py"]
    assert chosen(root, **rules, include=("data", "live", "media")) == ["manage.py", "media/cat.jpg"]


def test_a_directory_that_is_left_out_is_one_line(tree):
    root = tree("node_modules/a/b.js", "node_modules/.bin/c", "node_modules/.env", "docs/a.md")
    selection = select(root, Rules(exclude=("docs",), include=("b.css",)))
    assert {path: str(each) for path, each in selection.left_out.items()} == {
        "node_modules": "node_modules: left out by default",
        "docs": "--exclude docs",
    }


def test_links_stand_for_what_they_lead_to(tree, tmp_path):
    shared = tree("money.py", "deep/er.py", root=tmp_path / "shared")
    root = tree("manage.py")
    (root / "money.py").symlink_to("../shared/money.py")
    (root / "common").symlink_to(shared)
    (root / "again").symlink_to(shared)
    selection = select(root, Rules())
    assert sorted(selection.files) == [
        *("again/deep/er.py", "again/money.py", "common/deep/er.py", "common/money.py", "manage.py", "money.py"),
    ]
    assert selection.files["common/deep/er.py"].read_text() == "deep/er.py"


def test_what_is_never_in_does_not_come_by_another_name(tree):
    root = tree("manage.py", "live.db")
    (root / "copy").symlink_to("live.db")
    assert chosen(root, never_paths={root / "live.db": "DATABASES"}) == ["manage.py"]


@pytest.mark.parametrize("to", ["nowhere", "broken"])
def test_a_link_that_leads_nowhere_is_named(tree, to):
    root = tree("manage.py", "shop/models.py")
    (root / "shop/broken").symlink_to(to)
    with pytest.raises(BundleError, match=r"/shop/broken is a symbolic link that leads nowhere.*--exclude shop/broken"):
        select(root, Rules())
    assert chosen(root, exclude=("shop/broken",)) == ["manage.py", "shop/models.py"]


def test_a_link_in_a_circle_is_named(tree):
    root = tree("shop/models.py")
    (root / "shop/site").symlink_to(root)
    with pytest.raises(BundleError, match=r"/shop/site is .* a directory above it.*--exclude shop/site"):
        select(root, Rules())


def test_links_in_what_is_left_out_are_nobodys_business(tree):
    root = tree("manage.py", "node_modules/a.js")
    (root / "node_modules/broken").symlink_to("nowhere")
    (root / "node_modules/circle").symlink_to(root)
    assert chosen(root, include=("a.css",)) == ["manage.py"]


def test_what_is_no_file_stays_out(tree):
    root = tree("manage.py")
    os.mkfifo(root / "pipe")
    assert chosen(root) == ["manage.py"]


def test_a_name_that_no_zip_can_have_is_named(tree):
    root = tree("manage.py")
    (root / os.fsdecode(b"caf\xe9.txt")).touch()
    with pytest.raises(BundleError, match=r"'caf\\udce9\.txt' is not UTF-8"):
        select(root, Rules())
    assert chosen(root, exclude=("caf*",)) == ["manage.py"]


def test_of_packages_tests_stay_and_what_tells_of_this_machine_does_not(tree):
    info = "parcel-1.0.dist-info"
    root = tree(
        *(".lock", "bin/parcel", "parcel/tests/__init__.py", "parcel/bin/run", "parcel/__pycache__/a.pyc"),
        *(f"{info}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")),
        *(f"{info}/{name}" for name in ("METADATA", "entry_points.txt", "licenses/LICENSE", "licenses/RECORD")),
    )
    assert sorted(select_installed(root, ["licenses/LICENSE", "*/LICENSE"]).files) == [
        f"{info}/METADATA",
        f"{info}/entry_points.txt",
        f"{info}/licenses/RECORD",
        "parcel/bin/run",
        "parcel/tests/__init__.py",
    ]


def both(tree, tmp_path, project, installed):
    own, required = tree(*project), tree(*installed, root=tmp_path / "installed")
    return merge(select(own, Rules()).files, select(required, Rules()).files, lambda path: f"owner of {path}")


def test_a_project_and_packages_may_share_a_directory(tree, tmp_path):
    assert sorted(both(tree, tmp_path, ["google/mine.py"], ["google/cloud.py"])) == [
        "google/cloud.py",
        "google/mine.py",
    ]


@pytest.mark.parametrize(
    ("project", "installed", "named"),
    [
        (["six.py"], ["six.py"], r"/site/six\.py of the project and six\.py of owner of six\.py"),
        (["six"], ["six/a.py"], r"/site/six of the project and six/a\.py of owner of six/a\.py"),
        (["six/a.py"], ["six"], r"/site/six/a\.py of the project and six of owner of six "),
    ],
)
def test_a_file_of_both_is_an_error_that_names_both(tree, tmp_path, project, installed, named):
    with pytest.raises(BundleError, match=named):
        both(tree, tmp_path, project, installed)
