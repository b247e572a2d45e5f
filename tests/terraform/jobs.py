"""What takes long, all at once: of a minute of ``apply`` most is waiting."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws import Cloud
from tests.bundle.image import ARCHITECTURE, PYTHON

from .bundle import build_bundle
from .terraform import Terraform

SECRET = {"title": "The Weekly Tick"}
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"


@dataclass(frozen=True)
class Stack:
    """What was applied, and where."""

    cloud: Cloud
    terraform: Terraform
    bundle: Path
    variables: dict[str, Any]


@dataclass(frozen=True)
class Plans:
    """Made after the stack was applied."""

    same: dict[str, Any]
    release: dict[str, Any]  # with another bundle
    replaced: dict[str, Any]  # with the function of the site made anew


class Jobs:
    """The methods whose names have no underscore; each is done once."""

    def __init__(self, tree: Path, files: Path, pool: ThreadPoolExecutor) -> None:
        self._tree = tree
        self._files = files
        self._pool = pool
        self._started: dict[str, Future[Any]] = {}
        self._clouds: list[Cloud] = []

    def start(self, name: str) -> None:
        if name not in self._started:
            self._started[name] = self._pool.submit(getattr(self, f"_{name}"))

    def result(self, name: str) -> Any:
        self.start(name)
        return self._started[name].result()

    def close(self) -> None:
        for cloud in self._clouds:
            cloud.close()

    def _stack(self) -> Stack:
        cloud = self._cloud()
        variables = {
            "zip_path": str(build_bundle(self._files)),
            "settings_module": "mysite.settings",
            "python_version": PYTHON,
            "architecture": ARCHITECTURE,
            "environment": {"SITE_DATABASE": str(self._files / "database"), "PYTHONWARNINGS": "error"},
            "secrets": stored_secrets(cloud),
            "vpc": network(cloud),
        }
        return self._applied("tests/terraform/everything", cloud, variables)

    def _minimal(self) -> Stack:
        variables = {
            "zip_path": str(self._tree / "terraform/tests/bundle.txt"),
            "settings_module": "mysite.settings",
            "secret_key": f"{PARAMETER}/newsletter/secret-key",
            "database_url": f"{PARAMETER}/newsletter/database-url",
        }
        return self._applied("terraform/examples/minimal", self._cloud(), variables)

    def _complete(self) -> Stack:
        variables = {
            "zip_path": str(self._tree / "terraform/tests/bundle.txt"),
            "settings_module": "mysite.settings",
            "secrets": {"SECRET_KEY": f"{PARAMETER}/newsletter/secret-key"},
            "media_bucket_arn": "arn:aws:s3:::newsletter-media",
            "alarm_email": "alarms@example.com",
        }
        return self._applied("terraform/examples/complete", self._cloud(), variables)

    def _plans(self) -> Plans:
        terraform = self.result("stack").terraform
        release = self._files / "release.zip"
        release.write_bytes(b"the next bundle")
        web = 'module.oneshot.aws_lambda_function.this["web"]'
        return Plans(terraform.plan(), terraform.plan(zip_path=str(release)), terraform.plan(replace=web))

    def _module_tests(self) -> list[dict[str, Any]]:
        return Terraform(self._tree / "terraform").test()

    def _applied(self, directory: str, cloud: Cloud, variables: dict[str, Any]) -> Stack:
        terraform = Terraform(self._tree / directory, environment=cloud.environment, variables=variables)
        terraform.init(self._tree / "terraform")
        terraform.apply()
        return Stack(cloud, terraform, Path(variables["zip_path"]), variables)

    def _cloud(self) -> Cloud:
        self._clouds.append(Cloud())
        return self._clouds[-1]


def stored_secrets(cloud: Cloud) -> dict[str, str]:
    """Variables, and the ARNs that they come from."""
    cloud.client("ssm").put_parameter(Name="/site/secret-key", Value="not told to anybody", Type="SecureString")
    secret = cloud.client("secretsmanager").create_secret(Name="site", SecretString=json.dumps(SECRET))
    return {"SECRET_KEY": f"{PARAMETER}/site/secret-key", "TITLE": f"{secret['ARN']}:title::"}


def network(cloud: Cloud) -> dict[str, list[str]]:
    """Two subnets of the VPC that moto has from its beginning, and a security group."""
    ec2 = cloud.client("ec2")
    return {
        "subnet_ids": sorted(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"])[:2],
        "security_group_ids": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
