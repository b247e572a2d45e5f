"""The words that programs of hosts take. What they would refuse is a ValueError here, too."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")


class Words(argparse.ArgumentParser):
    def __init__(self, *begin_with: str) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self._begin_with = list(begin_with)

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)

    def read(self, words: list[str]) -> dict[str, Any]:
        first, rest = words[: len(self._begin_with)], words[len(self._begin_with) :]
        if first != self._begin_with:
            raise ValueError(f"{words} do not begin with {self._begin_with}")
        if "--" not in rest:
            return vars(self.parse_args(rest))
        end = rest.index("--")
        return {**vars(self.parse_args(rest[:end])), "command": rest[end + 1 :]}


def curl() -> Words:
    """https://curl.se/docs/manpage.html"""
    words = Words("curl")
    words.add_argument("--request", choices=METHODS, required=True)
    words.add_argument("--header", action="append", required=True)
    words.add_argument("--data")
    words.add_argument("--max-time", type=float)
    for name in ("--fail-with-body", "--silent", "--show-error"):
        words.add_argument(name, action="store_true")
    words.add_argument("url")
    return words


def gcloud_scheduler() -> Words:
    """https://cloud.google.com/sdk/gcloud/reference/scheduler/jobs/create/http"""
    words = Words("gcloud", "scheduler", "jobs", "create", "http")
    words.add_argument("name")
    for name in ("--location", "--schedule", "--uri"):
        words.add_argument(name, required=True)
    for name in ("--time-zone", "--headers", "--attempt-deadline", "--oauth-service-account-email"):
        words.add_argument(name)
    words.add_argument("--http-method", choices=METHODS)
    words.add_argument("--max-retry-attempts", type=int)
    return words


def gcloud_run() -> Words:
    """https://cloud.google.com/sdk/gcloud/reference/run/jobs/replace"""
    words = Words("gcloud", "run", "jobs", "replace")
    words.add_argument("file")
    words.add_argument("--region", required=True)
    return words


def fly() -> Words:
    """https://fly.io/docs/flyctl/machine-run/"""
    words = Words("fly", "machine", "run")
    words.add_argument("image")
    words.add_argument("--schedule", choices=("hourly", "daily", "weekly", "monthly"), required=True)
    words.add_argument("--restart", choices=("no", "always", "on-fail"))
    return words


def heroku() -> Words:
    """https://devcenter.heroku.com/articles/heroku-cli-commands"""
    words = Words("heroku")
    words.add_argument("what", choices=("addons:create", "addons:open"))
    words.add_argument("addon")
    return words


def az() -> Words:
    """https://learn.microsoft.com/cli/azure/containerapp/job#az-containerapp-job-create"""
    words = Words("az", "containerapp", "job", "create")
    for name in ("--name", "--resource-group", "--yaml"):
        words.add_argument(name, required=True)
    return words


def scheduler_job(words: list[str]) -> dict[str, Any]:
    """What gcloud would send: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs"""
    given = gcloud_scheduler().read(words)
    target = {"uri": given["uri"], "httpMethod": given["http_method"]}
    if given["headers"]:
        target["headers"] = dict(each.split("=", 1) for each in given["headers"].split(","))
    if given["oauth_service_account_email"]:
        target["oauthToken"] = {"serviceAccountEmail": given["oauth_service_account_email"]}
    job = {
        "name": f"projects/PROJECT/locations/{given['location']}/jobs/{given['name']}",
        "schedule": given["schedule"],
        "timeZone": given["time_zone"],
        "attemptDeadline": given["attempt_deadline"],
        "retryConfig": {"retryCount": given["max_retry_attempts"]},
        "httpTarget": target,
    }
    return {name: value for name, value in job.items() if value is not None}
