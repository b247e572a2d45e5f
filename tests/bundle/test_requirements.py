from __future__ import annotations

import sys

import pytest

from django_tasks_oneshot.bundle import requirements
from django_tasks_oneshot.bundle.errors import BundleError
from django_tasks_oneshot.bundle.requirements import (
    Package,
    default_requirements,
    find_uv,
    install,
    names_without_wheels,
    owner,
    unpinned,
)
from django_tasks_oneshot.bundle.target import Target

ARM = Target("arm64", "3.13")


@pytest.fixture
def bundled(wheels, tmp_path):
    """Installs these lines of a requirements file for a target; what is in the directory then."""

    def bundled(*lines, target=ARM):
        file = tmp_path / "requirements.txt"
        file.write_text("\n".join(lines))
        bundled.result = install([file], target, tmp_path / "installed")
        return tmp_path / "installed"

    return bundled


@pytest.mark.parametrize(
    ("target", "built_for"),
    [
        (Target("arm64", "3.13"), "manylinux_2_34_aarch64"),
        (Target("x86_64", "3.13"), "manylinux_2_34_x86_64"),
        (Target("x86_64", "3.11"), "Amazon Linux 2"),
    ],
)
def test_wheels_are_of_the_platform_of_the_target(bundled, target, built_for):
    assert (bundled("compiled", target=target) / "compiled.py").read_text() == f"# {built_for}\n"


@pytest.mark.parametrize(("python", "brought"), [("3.13", "old"), ("3.14", "new")])
def test_markers_are_those_of_the_target(bundled, python, brought):
    directory = bundled("marked", target=Target("arm64", python))
    assert sorted(each.name for each in directory.glob("*.py")) == sorted([f"{brought}.py", "marked.py"])


def test_packages_are_told_with_their_versions(bundled):
    bundled("parcel", "marked")
    assert bundled.result.packages == [Package("marked", "1.0"), Package("old", "1.0"), Package("parcel", "1.0")]


def test_what_uv_warns_of_is_passed_on(bundled):
    bundled("parcel[typo]")
    assert len(bundled.result.warnings) == 1
    assert "typo" in bundled.result.warnings[0]


def test_the_package_of_a_file_is_known(bundled):
    assert owner(bundled("parcel"), "parcel/data/ec2/service.json") == "parcel"


@pytest.mark.parametrize(
    "variable",
    [
        *("UV_COMPILE_BYTECODE=1", "UV_PYTHON_PLATFORM=windows", "UV_TARGET=elsewhere", "UV_SYSTEM_PYTHON=1"),
        *("UV_LINK_MODE=symlink", "UV_NO_BUILD=1", "UV_PYTHON=3.9", "FORCE_COLOR=1", "UV_PREFIX=elsewhere"),
    ],
)
def test_what_is_set_for_other_uses_of_uv_does_no_harm(bundled, monkeypatch, variable):
    monkeypatch.setenv(*variable.split("="))
    directory = bundled("compiled")
    assert (directory / "compiled.py").read_text() == "# manylinux_2_34_aarch64\n"
    assert not (directory / "compiled.py").is_symlink()


def test_uv_is_configured_by_its_own_files(wheels, tmp_path, monkeypatch, bundled):
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.delenv("UV_CONFIG_FILE")
    (tmp_path / "uv.toml").write_text(f'find-links = ["{wheels}"]\nno-index = true\n')
    monkeypatch.chdir(tmp_path)
    assert (bundled("parcel") / "parcel").is_dir()


def listed(error):
    return [line.strip() for line in str(error.value).splitlines() if line.startswith("  ") and line[2] not in "- "]


def test_all_that_has_no_wheel_is_listed_and_nothing_of_it_is_run(bundled):
    with pytest.raises(BundleError) as error:
        bundled("parcel", "sources-a", "needs-sources", "of-darwin", "marked")
    assert listed(error) == ["of-darwin", "sources-a", "sources-b"]
    assert str(error.value).startswith("There is no wheel for python3.13, arm64 of:\n")
    assert "psycopg[binary]" in str(error.value)
    assert "setup.py" not in str(error.value)


def test_a_wheel_for_another_python_is_none(bundled):
    with pytest.raises(BundleError) as error:
        bundled("compiled", "sources-a==1.0", target=Target("x86_64", "3.12"))
    assert listed(error) == ["compiled", "sources-a"]


def test_directories_are_listed_as_what_needs_a_wheel(bundled, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/pyproject.toml").write_text('[project]\nname = "lib"\nversion = "1"\n')
    with pytest.raises(BundleError) as error:
        bundled(f"lib @ {(tmp_path / 'lib').as_uri()}", "sources-a")
    assert listed(error) == ["lib", "sources-a"]


def test_what_is_installed_from_its_directory_is_refused(bundled, tmp_path, tree):
    lib = tree("backend.py", "lib/__init__.py", root=tmp_path / "lib")
    (lib / "pyproject.toml").write_text(
        '[project]\nname = "lib"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (lib / "backend.py").write_text(BACKEND)
    with pytest.raises(BundleError, match=r"^lib is required with -e.*/lib\. Build its wheel"):
        bundled(f"-e {lib}")


BACKEND = """
import zipfile
def build_editable(directory, *args):
    with zipfile.ZipFile(f"{directory}/lib-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("lib.pth", "/here")
        wheel.writestr("lib-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: lib\\nVersion: 1\\n")
        wheel.writestr("lib-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("lib-1.dist-info/RECORD", "lib.pth,,\\n")
    return "lib-1-py3-none-any.whl"
"""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["parcel==1.0", "parcel<1"], "parcel<1"),
        (["no-such-package"], "no-such-package was not found"),
        (["not a requirement"], "not a requirement"),
    ],
)
def test_other_failures_are_told_in_the_words_of_uv(bundled, lines, said, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(BundleError, match=r"^uv could not install the requirements:\n") as error:
        bundled(*lines)
    assert said in str(error.value)
    assert "no wheel" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_without_a_network_uv_says_so(bundled, monkeypatch):
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BundleError, match=r"127\.0\.0\.1:9"):
        bundled("no-such-package")


@pytest.mark.parametrize(
    "said",
    [
        "Because all versions of psycopg2 have no usable wheels and you require psycopg2, we can",
        "  ╰─▶ Because psycopg2==2.9.9 has no\n      usable wheels and you require",
        "Because psycopg2>=2.9.9 has no wheels with a matching platform tag (e.g., `manylinux_2_34_aarch64`) and",
        "Because psycopg2[c]<=2 has no wheels with a matching Python ABI tag",
        "error: Building source distributions is disabled, but attempted to build `psycopg2`",
        "Failed to build `psycopg2 @\n  │ file:///psycopg2`\n  ╰─▶ Building source distributions is disabled",
        "hint: Wheels are required for `psycopg2` because building from\n  source is disabled",
    ],
)
def test_what_uv_says_of_wheels_is_understood(said):
    assert names_without_wheels(said) == ["psycopg2"]


def test_uv_of_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert find_uv().startswith(sys.prefix)


def test_uv_is_found_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uv", None)  # not to be imported
    uv = tmp_path / "uv"
    uv.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_uv() == str(uv)


def test_without_uv_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setattr(requirements.shutil, "which", lambda name: None)
    with pytest.raises(BundleError, match=r'pip install "django-tasks-oneshot\[bundle\]"'):
        find_uv()


def test_what_a_project_needs_is_in_its_requirements_txt_else_in_its_pyproject(tree):
    root = tree("manage.py")
    with pytest.raises(BundleError, match=r"neither a requirements.txt nor .*django-tasks-oneshot\[lambda,sqs\]"):
        default_requirements(root)
    (root / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    with pytest.raises(BundleError, match=r"nor a pyproject.toml with"):
        default_requirements(root)
    (root / "pyproject.toml").write_text("[project")
    with pytest.raises(BundleError, match=r"pyproject.toml cannot be read: "):
        default_requirements(root)
    (root / "pyproject.toml").write_text("[project]\nname = 'site'\n")
    assert default_requirements(root) == root / "pyproject.toml"
    tree("requirements.txt")
    assert default_requirements(root) == root / "requirements.txt"


@pytest.mark.parametrize(
    "line",
    [
        *("parcel==1.0", "Parcel == 1.0 ; python_version > '3'", "parcel[a,b]==1.0  # why", "parcel===1.0"),
        *("parcel==1.0 --hash=sha256:00", "parcel==1.0 \\\n    --hash=sha256:00", "parcel @ https://a.example/p.zip"),
        *("./wheels/parcel-1.0-py3-none-any.whl", "https://a.example/parcel-1.0-py3-none-any.whl#sha256=00"),
        *("-r pins.txt", "-c pins.txt\nparcel", "--requirement=pins.txt", "--constraint pins.txt\nparcel>=1"),
    ],
)
def test_a_line_that_allows_one_version_pins_it(tree, line):
    root = tree()
    (root / "pins.txt").write_text("parcel==1.0")
    (root / "requirements.txt").write_text(f"--index-url https://a.example\n{line}\n")
    assert unpinned([Package("parcel", "1.0")], [root / "requirements.txt"]) == []


@pytest.mark.parametrize("line", ["parcel", "parcel>=1.0", "parcel==1.*", "# parcel==1.0", "parcel-x==1", "-r no.txt"])
def test_a_line_that_allows_more_pins_nothing(tree, line):
    root = tree()
    (root / "requirements.txt").write_text(line)
    assert unpinned([Package("parcel", "1.0")], [root / "requirements.txt"]) == ["parcel"]


def test_files_may_refer_to_each_other(tree):
    root = tree()
    (root / "a.txt").write_text("-r b.txt")
    (root / "b.txt").write_text("-r a.txt\nparcel==1.0")
    assert unpinned([Package("parcel", "1.0")], [root / "a.txt"]) == []


def test_a_pyproject_pins_nothing_and_a_lock_file_all(tree):
    root = tree("pyproject.toml", "pylock.toml", "pylock.prod.toml")
    packages = [Package("parcel", "1.0")]
    assert unpinned(packages, [root / "pyproject.toml"]) == ["parcel"]
    assert unpinned(packages, [root / "pylock.toml"]) == unpinned(packages, [root / "pylock.prod.toml"]) == []
