from __future__ import annotations

import pytest

from .wheels import make_sdist, make_wheel


@pytest.fixture(scope="session")
def all_wheels(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheels")
    make_wheel(directory, "django-tasks-oneshot", {"django_tasks_oneshot/handlers/__init__.py": ""})
    make_wheel(directory, "mangum", {"mangum/__init__.py": ""})
    make_wheel(
        directory,
        "parcel",
        {
            "parcel/__init__.py": "",
            "parcel/tests/__init__.py": "",
            "parcel/data/ec2/service.json": "{}",
            "parcel/__pycache__/stale.cpython-313.pyc": "",
            "parcel-1.0.data/scripts/parcel": "#!python\n",
            "parcel-1.0.dist-info/entry_points.txt": "[console_scripts]\nparcel-tool = parcel:main\n",
        },
    )
    for platform in ("manylinux_2_34_aarch64", "manylinux_2_34_x86_64", "manylinux2014_aarch64"):
        make_wheel(directory, "compiled", {"compiled.py": f"# {platform}\n"}, tag=f"cp313-cp313-{platform}")
    make_wheel(
        directory,
        "compiled",
        {"compiled.py": "# Amazon Linux 2\n"},
        tag="cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    )
    make_wheel(directory, "of-darwin", {"of_darwin.py": ""}, tag="cp313-cp313-macosx_11_0_arm64")
    make_wheel(
        directory,
        "marked",
        {"marked.py": ""},
        requires=['old; python_version < "3.14"', 'new; python_version >= "3.14"', 'win; sys_platform == "win32"'],
    )
    for name in ("old", "new", "win"):
        make_wheel(directory, name, {f"{name}.py": ""})
    make_wheel(directory, "needs-sources", {"needs_sources.py": ""}, requires=["sources-b"])
    for name in ("sources-a", "sources-b"):
        make_sdist(directory, name)
    return directory


@pytest.fixture
def wheels(all_wheels, tmp_path_factory, monkeypatch):
    """uv finds the packages of this directory, and no others; it has a cache of its own."""
    monkeypatch.setenv("UV_FIND_LINKS", str(all_wheels))
    base = tmp_path_factory.getbasetemp()
    (base / "uv.toml").write_text("no-index = true\n")
    monkeypatch.setenv("UV_CONFIG_FILE", str(base / "uv.toml"))
    monkeypatch.setenv("UV_CACHE_DIR", str(base / "uv-cache"))
    return all_wheels


@pytest.fixture
def tree(tmp_path):
    """Makes files in a directory, each with its path in it."""

    def tree(*paths, root=tmp_path / "site"):
        root.mkdir(exist_ok=True)
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)
        return root

    return tree
