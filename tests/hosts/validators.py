"""What is wrong with a file, in the words of what its host, or the host's own package, has to say of it.

Each takes the text of a file and says what is wrong; nothing is wrong if that is nothing. What a machine may lack is
imported in the functions: tests that need it are skipped.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import schemas

FORMATS = {"int64": r"^-?\d+$", "google-duration": r"^\d+(\.\d{1,9})?s$"}
OWN = {
    "render": schemas.RENDER,
    "railway": schemas.RAILWAY,
    "scalingo": schemas.SCALINGO,
    "dokku": schemas.DOKKU,
    "clevercloud": schemas.CLEVERCLOUD,
}


def read(text: str) -> Any:
    """YAML, of which JSON is a part."""
    return pytest.importorskip("yaml").safe_load(text)


def against(schema: dict[str, Any], value: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(value)]


def data_of(package: str, path: str) -> Any:
    """A file of a package, which need not be imported for it."""
    found = importlib.util.find_spec(package)
    if found is None:
        pytest.skip(f"{package} is not installed; it is in the dependency group hosts")
    return json.loads((Path(found.origin).parent / path).read_text())


def of_google(document: str, kind: str) -> dict[str, Any]:
    """The schema of a message, from a discovery document: https://developers.google.com/discovery/v1/reference/apis"""
    found = data_of("googleapiclient", f"discovery_cache/documents/{document}.json")["schemas"]
    definitions = {name: _of_discovery(schema) for name, schema in found.items()}
    return {"$ref": f"#/$defs/{kind}", "$defs": definitions}


def _of_discovery(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if schema.get("type") == "any":
        return {}
    made = {name: schema[name] for name in ("type", "enum") if name in schema}
    if schema.get("type") == "string" and schema.get("format") in FORMATS:
        made["pattern"] = FORMATS[schema["format"]]
    if schema.get("format") == "int64":
        made["type"] = ["string", "integer"]  # https://protobuf.dev/programming-guides/json/
    if "properties" in schema:
        made["properties"] = {name: _of_discovery(each) for name, each in schema["properties"].items()}
        made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _of_discovery(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = _of_discovery(schema["items"])
    return made


def cloudrun(text: str) -> list[str]:
    return against(of_google("run.v1", "Job"), read(text))


def azure(text: str) -> list[str]:
    """The models of the SDK drop what they do not know, and refuse what is of another type, or is not there."""
    models = pytest.importorskip("azure.mgmt.appcontainers.models")
    from azure.core.exceptions import DeserializationError, SerializationError
    from azure.mgmt.appcontainers._serialization import Serializer

    value = read(text)
    kind = value.pop("type", None)  # which is for `az` alone
    classes = {name: each for name, each in vars(models).items() if isinstance(each, type)}
    try:
        kept = Serializer(classes).body(models.Job.deserialize(value), "Job")
    except (DeserializationError, SerializationError, ValueError) as error:
        return [str(error)]
    problems = [] if kept == value else [f"of {value}, only {kept} is known"]
    problems += [] if kind == "Microsoft.App/jobs" else [f"type: {kind}"]
    trigger = value["properties"]["configuration"].get("triggerType")
    return problems + ([] if trigger in list(models.TriggerType) else [f"triggerType: {trigger}"])


def kubernetes(text: str) -> list[str]:
    """And what its schema has no word for: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"""
    package = pytest.importorskip("kubernetes_validate")
    value = read(text)
    try:
        package.validate(value, package.latest_version(), strict=True)
    except package.ValidationError as error:
        return [error.message]
    spec, pod = value["spec"], value["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    wrong = {
        "concurrencyPolicy": spec["concurrencyPolicy"] not in ("Allow", "Forbid", "Replace"),
        "restartPolicy": pod["restartPolicy"] not in ("Never", "OnFailure"),
        "timeZone": spec["timeZone"] != "Etc/UTC",
        "startingDeadlineSeconds": spec["startingDeadlineSeconds"] < 10,
        "name": len(value["metadata"]["name"]) > 52,
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def github_actions(text: str, directory: Path) -> list[str]:
    pytest.importorskip("check_jsonschema")
    path = directory / "workflow.yml"
    path.write_text(text)
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(check, capture_output=True, text=True)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def upsun(text: str) -> list[str]:
    return against(data_of("upsunvalidator", "schemas/data/providers/upsun.json"), read(text))


def own(name: str, text: str) -> list[str]:
    return against(OWN[name], read(text))


def strict(schema: Any) -> Any:
    """The same, without the keys that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made
