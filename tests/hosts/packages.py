"""What is on npm only: a schema and a validator out of packages of their hosts."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

VERCEL = ("vercel@64.0.2", "@vercel/build-utils@14.21.1")
DIGITALOCEAN = "@digitalocean/mcp@1.0.70"

CHECK = """\
import {readFileSync} from "node:fs"
import {getConfigValidator} from "./package/dist/chunks/config-validator.mjs"
const validate = getConfigValidator()
if (!validate(JSON.parse(readFileSync(0, "utf8")))) console.log(JSON.stringify(validate.errors[0]))
"""


def npm(*words: str, directory: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, with which the host's own validator is fetched")
    done = subprocess.run(["npm", *words], cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def unpacked(package: str, path: str, directory: Path) -> Path:
    """One file of a package: all of it, with what it needs, would be 120 MB in one case."""
    npm("pack", package, directory=directory)
    (packed,) = directory.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extract(path, directory, filter="data")
    return directory / path


class Vercel:
    """The validator of vercel.json that its CLI has."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        command, import_of_it = VERCEL
        unpacked(command, "package/dist/chunks/config-validator.mjs", directory)
        npm("install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix=.", import_of_it, directory=directory)
        (directory / "check.mjs").write_text(CHECK)

    def __call__(self, text: str) -> list[str]:
        check = ["node", "check.mjs"]
        done = subprocess.run(check, input=text, cwd=self._directory, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()


def app_spec(directory: Path) -> dict[str, Any]:
    """DigitalOcean's schema of an app, which it has made from its client for Go."""
    schema = json.loads(unpacked(DIGITALOCEAN, "package/dist/app-create-schema.json", directory).read_text())
    return {"$schema": schema["$schema"], **schema["properties"]["spec"]}
