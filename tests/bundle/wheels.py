"""Wheels and source distributions made on the spot: uv installs them as it does any other."""

from __future__ import annotations

import io
import tarfile
import zipfile


def make_wheel(directory, name, files, *, version="1.0", tag="py3-none-any", requires=()):
    """A wheel of these files: a dict of paths and texts."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {each}" for each in requires),
    ]
    python, abi, platform = tag.split("-")
    tags = "".join(f"Tag: {python}-{abi}-{each}\n" for each in platform.split("."))
    everything = {
        **files,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n{tags}",
    }
    everything[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*everything, f"{info}/RECORD"))
    wheel = directory / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in everything.items():
            archive.writestr(path, text)
    return wheel


def make_sdist(directory, name, *, version="1.0"):
    """A source distribution whose setup.py fails: nobody is to run it."""
    with tarfile.open(directory / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "setup.py": "raise SystemExit('setup.py was run')",
        }.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
