from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_oneshot.bundle import archive, checks
from django_tasks_oneshot.management.commands import build_lambda
from tests.bundle.conftest import all_wheels, wheels  # noqa: F401 - fixtures
from tests.bundle.site import make_site, manage_py
from tests.bundle.wheels import make_wheel

PINNED = "django-tasks-oneshot==1.0\nmangum==1.0\n"


@pytest.fixture(scope="session")
def a_site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("original") / "site")


@pytest.fixture
def site(a_site, tmp_path, wheels):  # noqa: F811
    root = Path(shutil.copytree(a_site, tmp_path / "site"))
    (root / "requirements.txt").write_text(PINNED)
    return root


@pytest.fixture
def build(site, capsys, monkeypatch):
    """Builds a bundle with these options; what it says, and what is in it."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    monkeypatch.chdir(site)

    def build(*options, output="dist/lambda.zip"):
        call_command("build_lambda", "--project", site, "--output", output, *options)
        build.said, build.warned = capsys.readouterr()
        return contents(site / output)

    return build


def contents(bundle):
    with zipfile.ZipFile(bundle) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def the_line(text, start):
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith(start)]
    return line


def test_a_bundle_has_the_project_its_requirements_and_the_handlers(site):
    done = manage_py(site, "build_lambda")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    names = contents(site / "dist/lambda.zip")
    assert {"manage.py", "mysite/settings.py", "shop/tasks.py", "mangum/__init__.py"} < names.keys()
    assert "django_tasks_oneshot/handlers/__init__.py" in names


def test_it_says_what_it_has_built(build, site):
    build("--architecture", "x86_64", "--python", "3.12")
    bundle = site / "dist/lambda.zip"
    unzipped = sum(map(len, contents(bundle).values()))
    assert build.said.splitlines() == [
        "dist/lambda.zip",
        f"  SHA-256  {hashlib.sha256(bundle.read_bytes()).hexdigest()}",
        "  runtime  python3.12, x86_64",
        f"  size     zip {bundle.stat().st_size / 2**20:.1f} MB of 50 MB, unzipped {unzipped / 2**20:.1f} MB of 250 MB",
        "  content  9 files of the project, 2 packages",
    ]


def test_the_same_project_makes_the_same_bundle_wherever_it_is_built(site, tmp_path, all_wheels):  # noqa: F811
    other = Path(shutil.copytree(site, tmp_path / "some" / "where" / "else"))
    for each in other.rglob("*"):
        os.utime(each, (0, 0))
    others_wheels = shutil.copytree(all_wheels, tmp_path / "copies")
    for root, different in {
        site: {"umask": 0o022, "TZ": "UTC"},
        other: {
            "umask": 0o077,
            "TZ": "Asia/Tokyo",
            "UV_CACHE_DIR": str(tmp_path / "cache"),
            "UV_FIND_LINKS": str(others_wheels),
            "UV_COMPILE_BYTECODE": "1",
            "HOME": str(tmp_path),
            "LANG": "C",
            "PYTHONHASHSEED": "7",
        },
    }.items():
        done = manage_py(root, "build_lambda", **different)
        assert done.returncode == 0, done.stderr
    assert (site / "dist/lambda.zip").read_bytes() == (other / "dist/lambda.zip").read_bytes()


def test_verbosity_0_is_silent(build, site):
    (site / "requirements.txt").write_text("django-tasks-oneshot")
    build("-v0")
    assert (build.said, build.warned) == ("", "")


def test_verbosity_2_lists_packages_and_what_was_left_out(build, site):
    (site / "node_modules/a").mkdir(parents=True)
    (site / "node_modules/a/b.js").touch()
    build("-v2", "--exclude", "manage.py", "--exclude", "mangum")
    assert build.said.split("Packages:\n")[1].splitlines() == [
        "  django-tasks-oneshot 1.0",
        "  mangum 1.0",
        "Left out:",
        "  manage.py (--exclude manage.py)",
        "  mangum (--exclude mangum)",
        "  node_modules (node_modules: left out by default)",
    ]


def test_exclude_is_for_the_project_and_its_requirements(build, site):
    (site / "requirements.txt").write_text(PINNED + "parcel==1.0")
    (site / "shop/data/ec2").mkdir(parents=True)
    (site / "shop/data/ec2/big.json").touch()
    names = build("--exclude", "*/data/ec2")
    assert not any("ec2" in name for name in names)
    assert "parcel/__init__.py" in names


def test_of_packages_scripts_and_bytecode_stay_out_and_tests_do_not(build, site):
    (site / "requirements.txt").write_text(PINNED + "parcel==1.0")
    assert sorted(name for name in build() if "parcel" in name) == [
        "parcel-1.0.dist-info/METADATA",
        "parcel-1.0.dist-info/WHEEL",
        "parcel-1.0.dist-info/entry_points.txt",
        "parcel/__init__.py",
        "parcel/data/ec2/service.json",
        "parcel/tests/__init__.py",
    ]


def test_include_takes_back_of_the_project(build, site):
    (site / "shop/tests").mkdir()
    (site / "shop/tests/test_cart.py").touch()
    assert "shop/tests/test_cart.py" not in build()
    assert "shop/tests/test_cart.py" in build("--include", "shop/tests")


def test_databases_media_and_the_bundle_itself_stay_out(build, site, monkeypatch):
    for name in ("live.db", "live.db-wal", "live.db-shm", "media/cat.jpg", "out.zip"):
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).touch()
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": site / "live.db"}}
    monkeypatch.setattr(settings, "DATABASES", databases)
    with override_settings(MEDIA_ROOT=str(site / "media")):
        names = build("-v2", "--include", "media", "--include", "*.db*", "--include", "out.zip", output="out.zip")
    assert "media/cat.jpg" in names
    assert not {name for name in names if name.startswith(("live", "out"))}
    assert the_line(build.said, "live.db-wal") == "live.db-wal (DATABASES['default']: never in a bundle)"
    assert the_line(build.said, "out.zip (") == "out.zip (the bundle itself: never in a bundle)"


def test_media_stays_out_if_not_asked_for(build, site):
    (site / "media").mkdir()
    (site / "media/cat.jpg").touch()
    with override_settings(MEDIA_ROOT=str(site / "media")):
        assert "media/cat.jpg" not in build()


def test_without_media_the_directory_where_one_is_stays_in(build, site, monkeypatch):
    monkeypatch.chdir(site / "shop")
    with override_settings(MEDIA_ROOT=""):
        assert "shop/tasks.py" in build(output=site / "a.zip")


@pytest.mark.parametrize("setting", [True, False])
def test_the_project_is_base_dir_or_else_where_one_is(site, monkeypatch, tmp_path, setting):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    monkeypatch.chdir(tmp_path if setting else site)
    with override_settings(BASE_DIR=str(site) if setting else None):
        call_command("build_lambda", verbosity=0)
    assert "mysite/settings.py" in contents("dist/lambda.zip")


def test_requirements_may_be_several_files_anywhere(build, tmp_path):
    (tmp_path / "base.txt").write_text("django-tasks-oneshot==1.0")
    (tmp_path / "more.txt").write_text("parcel==1.0")
    names = build("--requirements", tmp_path / "base.txt", "--requirements", tmp_path / "more.txt")
    assert "parcel/__init__.py" in names
    assert "mangum/__init__.py" not in names


def test_a_pyproject_will_do(build, site):
    (site / "requirements.txt").unlink()
    (site / "pyproject.toml").write_text(
        '[project]\nname = "site"\nversion = "1"\ndependencies = ["django-tasks-oneshot", "parcel"]\n'
    )
    assert "parcel/__init__.py" in build()


def test_uncompressed_files_are_stored(build, site):
    build("--uncompressed")
    with zipfile.ZipFile(site / "dist/lambda.zip") as bundle:
        assert {entry.compress_type for entry in bundle.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--project", "nowhere"], "--project nowhere: there is no such directory."),
        (["--requirements", "nowhere.txt"], "--requirements nowhere.txt: there is no such file."),
        (["--python", "3.10"], "invalid choice: '3.10'"),
        (["--architecture", "arm"], "invalid choice: 'arm'"),
    ],
)
def test_bad_arguments_end_with_2(build, options, said):
    with pytest.raises(CommandError, match=re.escape(said)) as error:
        build(*options)
    assert error.value.returncode in (1, 2)  # argparse's own have no code in call_command
    if "there is no such" in said:
        assert error.value.returncode == 2


def refused(build, *options):
    with pytest.raises(CommandError) as error:
        build(*options)
    assert error.value.returncode == 1
    assert not Path("dist").exists()
    return str(error.value)


def test_settings_that_were_left_out_are_an_error_that_says_by_what(build):
    said = refused(build, "--exclude", "settings.py")
    assert said == (
        "DJANGO_SETTINGS_MODULE names mysite.settings, and mysite/settings.py is not in the bundle "
        "(--exclude settings.py); give a narrower pattern."
    )


def test_settings_that_are_nowhere_are_an_error_that_names_the_directory(build, site, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    said = refused(build)
    assert said.startswith(f"DJANGO_SETTINGS_MODULE names config.settings, and neither {site} nor the requirements")
    assert "--project DIR" in said


def test_settings_may_come_from_a_package(build, site, monkeypatch, tmp_path):
    wheel = make_wheel(tmp_path, "config", {"config/settings.py": ""})
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    (site / "requirements.txt").write_text(f"{PINNED}{wheel}")
    assert "config/settings.py" in build()


@pytest.mark.parametrize(
    ("name", "left_out", "options", "remedy"),
    [
        ("shop.tests", "shop/tests (tests: left out by default)", [], "to take it: --include shop/tests"),
        ("shop", "shop (--exclude shop)", ["--exclude", "shop"], "give a narrower pattern."),
    ],
)
def test_an_app_of_the_project_that_was_left_out_is_an_error(site, name, left_out, options, remedy):
    (site / "shop/tests").mkdir()
    (site / "shop/tests/__init__.py").touch()
    with (site / "mysite/settings.py").open("a") as file:
        file.write('INSTALLED_APPS += ["shop.tests"]\n')
    done = manage_py(site, "build_lambda", *options)
    path = left_out.partition(" (")[0]
    reason = left_out.partition(" ")[2]
    assert done.stderr == (
        f"CommandError: INSTALLED_APPS names {name}, and {path} is not in the bundle {reason}; {remedy}\n"
    )
    assert done.returncode == 1


def test_an_app_in_a_virtual_environment_is_not_the_projects(site):
    packages = site / ".venv/lib/site-packages"
    (packages / "toolbar").mkdir(parents=True)
    (packages / "toolbar/__init__.py").touch()
    with (site / "mysite/settings.py").open("a") as file:
        file.write('INSTALLED_APPS += ["toolbar"]\n')
    done = manage_py(site, "build_lambda", PYTHONPATH=str(packages))
    assert done.returncode == 0, done.stderr
    assert "toolbar, which the requirements do not bring" in done.stderr


def test_apps_that_the_requirements_do_not_bring_are_a_warning(site):
    done = manage_py(site, "build_lambda")
    assert "warning: INSTALLED_APPS names django.contrib.admin, " in done.stderr
    assert "shop" not in done.stderr


def test_handlers_that_are_missing_are_an_error(build, site):
    (site / "requirements.txt").write_text("mangum==1.0")
    assert "write a line django-tasks-oneshot[lambda,sqs] into the requirements" in refused(build)


def test_a_missing_mangum_is_a_warning(build, site):
    build()
    assert "mangum" not in build.warned.lower()
    (site / "requirements.txt").write_text("django-tasks-oneshot==1.0")
    build()
    assert "warning: handlers.web needs Mangum" in build.warned


def test_versions_that_are_not_pinned_are_a_warning_that_says_how(build, site):
    build()
    assert "pinned" not in build.warned
    (site / "requirements.txt").write_text("django-tasks-oneshot==1.0\nmarked==1.0")
    build("--python", "3.12")
    warning = the_line(build.warned, "warning: no version")
    assert "is pinned of old: tomorrow's bundle" in warning
    assert f"uv pip compile --universal --python-version 3.12 {site}/requirements.txt -o" in warning


def test_what_uv_warns_of_is_a_warning(build, site):
    (site / "requirements.txt").write_text("django-tasks-oneshot[lamda]==1.0\nmangum==1.0")
    build()
    assert "lamda" in the_line(build.warned, "warning: The package")


def test_more_than_lambda_takes_is_an_error_with_the_largest_directories(build, site, monkeypatch):
    monkeypatch.setattr(checks, "UNZIPPED_LIMIT", 2**20)
    (site / "shop/big.bin").write_bytes(bytes(2**20))
    (site / "mysite/half.bin").write_bytes(bytes(2**19))
    said = refused(build).splitlines()
    assert said[0].startswith("Unzipped, the bundle has 1.5 MB, and Lambda takes 1.0 MB at most.")
    assert [line.split() for line in said[1:3]] == [["1.0", "MB", "shop"], ["0.5", "MB", "mysite"]]
    assert len(said) <= 11


def test_the_limits_are_those_of_lambda():
    assert (archive.ZIP_LIMIT, archive.UNZIPPED_LIMIT) == (52_428_800, 262_144_000)


def test_a_zip_for_s3_is_a_warning(build, monkeypatch):
    monkeypatch.setattr(build_lambda, "ZIP_LIMIT", 1)
    build()
    assert "upload it to S3" in build.warned


def test_a_file_of_the_project_and_of_a_package_is_an_error_that_names_both(build, site):
    (site / "django_tasks_oneshot/handlers").mkdir(parents=True)
    (site / "django_tasks_oneshot/handlers/__init__.py").touch()
    path = "django_tasks_oneshot/handlers/__init__.py"
    assert f"{site}/{path} of the project and {path} of django-tasks-oneshot would be the same" in refused(build)


def test_what_has_no_wheel_is_an_error(build, site):
    (site / "requirements.txt").write_text(f"{PINNED}sources-a\n")
    said = refused(build)
    assert said.startswith("There is no wheel for python3.13, arm64 of:\n  sources-a\n")


def test_a_broken_link_is_an_error(build, site):
    (site / "shop/link").symlink_to("nowhere")
    assert "shop/link is a symbolic link that leads nowhere" in refused(build)


def test_what_cannot_be_written_is_an_error(build, site):
    (site / "file").touch()
    with pytest.raises(CommandError, match=r"The bundle was not built: .*file"):
        build(output="file/lambda.zip")


def test_a_refused_build_leaves_the_old_bundle(build, site):
    before = build()
    with pytest.raises(CommandError):
        build("--exclude", "settings.py")
    assert contents(site / "dist/lambda.zip") == before
