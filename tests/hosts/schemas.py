"""Schemas for hosts that publish none, or none that a package has: what their documentation names, and no more."""

from __future__ import annotations

from typing import Any

CRON = r"[\d*/,-]+( [\d*/,-]+){4}"


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None, source: str = "") -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "$comment": source,
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def listed(item: dict[str, Any], **limits: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, **limits}


TEXT = {"type": "string", "minLength": 1}
SCHEDULE = {"type": "string", "pattern": f"^{CRON}$"}
TRUTH = {"type": "boolean"}

RENDER = closed(
    {
        "services": listed(
            closed(
                {
                    "type": {"const": "cron"},
                    "name": TEXT,
                    "runtime": {"enum": ["docker", "elixir", "go", "image", "node", "python", "ruby", "rust"]},
                    "schedule": SCHEDULE,
                    "buildCommand": TEXT,
                    "startCommand": TEXT,
                },
                # maxShutdownDelaySeconds is for other services than cron.
                {"plan": TEXT, "region": TEXT, "repo": TEXT, "branch": TEXT, "rootDir": TEXT, "envVars": listed({})},
            )
        )
    },
    source="https://render.com/docs/blueprint-spec",
)

RAILWAY = closed(
    {
        "deploy": closed(
            {"startCommand": TEXT, "cronSchedule": SCHEDULE},
            {
                "restartPolicyType": {"enum": ["ON_FAILURE", "ALWAYS", "NEVER"]},
                "drainingSeconds": {"type": "string", "pattern": r"^\d+$"},
            },
        )
    },
    {"$schema": {"const": "https://railway.com/railway.schema.json"}},
    source="https://docs.railway.com/config-as-code/reference",
)

SCALINGO = closed(
    {
        "jobs": listed(
            closed({"command": {"type": "string", "pattern": f"^{CRON} \\S"}}, {"size": TEXT}),
            maxItems=5,
        )
    },
    source="https://doc.scalingo.com/platform/app/task-scheduling/scalingo-scheduler",
)

DOKKU = closed(
    {
        "cron": listed(
            closed(
                {"command": TEXT, "schedule": SCHEDULE},
                {"maintenance": TRUTH, "concurrency_policy": {"enum": ["allow", "forbid", "replace"]}},
            )
        )
    },
    source="https://dokku.com/docs/appendices/file-formats/app-json/",
)

CLEVERCLOUD = {
    "$comment": "https://developers.clever-cloud.com/doc/administrate/cron",
    # The command is absolute, or begins with this variable, and no other.
    **listed({"type": "string", "pattern": f"^{CRON} (\\$ROOT)?/[^ $]+$"}),
}


def numbers(first: int, last: int) -> dict[str, Any]:
    """[-1] stands for all of them."""
    each = listed({"type": "integer", "minimum": first, "maximum": last}, maxItems=last - first + 1)
    return {"anyOf": [{"const": [-1]}, {**each, "uniqueItems": True}]}


CRON_JOB_ORG = closed(
    {
        "job": closed(
            {"url": {"type": "string", "pattern": r"^https?://[^\s]+$"}},
            {
                "title": TEXT,
                "enabled": TRUTH,
                "saveResponses": TRUTH,
                "requestTimeout": {"type": "integer"},
                "redirectSuccess": TRUTH,
                "folderId": {"type": "integer"},
                "requestMethod": {"type": "integer", "minimum": 0, "maximum": 8},
                "schedule": closed(
                    {
                        "timezone": TEXT,
                        "minutes": numbers(0, 59),
                        "hours": numbers(0, 23),
                        "mdays": numbers(1, 31),
                        "months": numbers(1, 12),
                        "wdays": numbers(0, 6),
                    },
                    {"expiresAt": {"type": "integer"}},
                ),
                "extendedData": closed(
                    {"headers": {"type": "object", "additionalProperties": TEXT}}, {"body": {"type": "string"}}
                ),
                "notification": closed({}, {"onFailure": TRUTH, "onSuccess": TRUTH, "onDisable": TRUTH}),
            },
        )
    },
    source="https://docs.cron-job.org/rest-api.html",
)
