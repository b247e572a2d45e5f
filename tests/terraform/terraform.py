"""Runs ``terraform`` in a directory. Nothing is printed: what goes wrong is raised, in its own words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers import without_aws

SECONDS = 300  # the provider waits for much longer for what a server never says


class MissingTerraform(Exception):
    """It is not installed."""


class TerraformError(Exception):
    pass


def executable() -> str:
    found = shutil.which("terraform")
    if found is None:
        raise MissingTerraform("terraform was not found; https://developer.hashicorp.com/terraform/install")
    return found


class Terraform:
    """One configuration. Its files, state and providers stay in ``directory``; ``variables`` are those of each plan.

    ``environment`` is all that it knows of AWS. Providers come from where TF_CLI_CONFIG_FILE says.
    """

    def __init__(
        self,
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self._environment = {
            **without_aws(os.environ),
            **(environment or {}),
            "CHECKPOINT_DISABLE": "1",  # no question for a newer release
            "TF_IN_AUTOMATION": "1",
        }
        if variables is not None:
            (directory / "terraform.tfvars.json").write_text(json.dumps(variables))

    def init(self, other: Path | None = None) -> None:
        """With the providers that another directory has, where there is one: they are large."""
        providers = [] if other is None else [f"-plugin-dir={other / '.terraform/providers'}"]
        self._run("init", "-input=false", *providers)

    def validate(self) -> None:
        self._run("validate")

    def test(self) -> list[dict[str, Any]]:
        """The messages of ``-json``: https://developer.hashicorp.com/terraform/internals/machine-readable-ui"""
        done = self._start("test", "-json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def apply(self) -> None:
        # What it does is mostly to wait.
        self._run("apply", "-input=false", "-auto-approve", "-parallelism=30")

    def plan(self, *, replace: str | None = None, **variables: str) -> dict[str, Any]:
        """As ``show -json`` tells it: https://developer.hashicorp.com/terraform/internals/json-format"""
        other = [f"-var={name}={value}" for name, value in variables.items()]
        other += [f"-replace={replace}"] if replace else []
        self._run("plan", "-input=false", "-parallelism=30", "-out=plan", *other)
        plan: dict[str, Any] = json.loads(self._run("show", "-json", "plan"))
        return plan

    def output(self) -> dict[str, Any]:
        outputs = json.loads(self._run("output", "-json"))
        return {name: each["value"] for name, each in outputs.items()}

    def destroy(self) -> None:
        self._run("destroy", "-input=false", "-auto-approve", "-parallelism=30")

    def _run(self, *arguments: str) -> str:
        done = self._start(*arguments)
        if done.returncode:
            raise TerraformError(f"terraform {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _start(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        color = [] if command in ("show", "output") and "-json" in options else ["-no-color"]
        return subprocess.run(
            [executable(), command, *color, *options],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
