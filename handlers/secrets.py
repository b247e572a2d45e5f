"""Values that must not be in a function's configuration: they are fetched once, when the function starts.

``ONESHOT_SECRETS`` in its environment is JSON: names of variables, and where their values are, as ECS spells it
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html)::

    {"SECRET_KEY": "arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key",
     "DB_PASSWORD": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:password::"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

VARIABLE = "ONESHOT_SECRETS"
LARGEST_BATCH = 10  # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
CONNECT_SECONDS = 2  # Lambda gives a function 10 seconds to start
ANSWER_SECONDS = 3


class Reference(NamedTuple):
    """A parameter of Systems Manager, or a secret and what of it."""

    arn: str
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""

    @property
    def service(self) -> str:
        return self.arn.split(":")[2]

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises ValueError where it is neither."""
        match text.split(":"):
            case ["arn", _, "ssm", _, _, what] if what.startswith("parameter/"):
                return cls(text)
            case ["arn", _, "secretsmanager", _, _, "secret", _, *asked] if len(asked) <= 3:
                return cls(":".join(text.split(":")[:7]), *asked)
        raise ValueError(
            f"{text!r} is no ARN of a parameter (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME) or of a secret "
            "(arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and if you like :JSON-KEY:VERSION-STAGE:VERSION-ID)"
        )


def load_secrets(environment: MutableMapping[str, str]) -> None:
    """Puts the values into ``environment``. Without ``ONESHOT_SECRETS`` it does nothing, and needs no boto3.

    Raises RuntimeError, which names the variables that cannot be had, and no value.
    """
    if environment.get(VARIABLE):
        references = _references(environment[VARIABLE])
        environment.update({**_parameters(references), **_secrets(references)})


def _references(text: str) -> dict[str, Reference]:
    try:
        return {name: Reference.parse(value) for name, value in dict(json.loads(text)).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise RuntimeError(f'{VARIABLE} has to be like {{"SECRET_KEY": "arn:aws:ssm:..."}}: {error}') from None


def _parameters(references: Mapping[str, Reference]) -> dict[str, str]:
    found: dict[str, str] = {}
    missing: list[str] = []
    for region, wanted in _by_region(references, "ssm").items():
        arns = sorted({each.arn for each in wanted.values()})
        with _client("ssm", region) as ssm, _told_of(wanted):
            for start in range(0, len(arns), LARGEST_BATCH):
                answer = ssm.get_parameters(Names=arns[start : start + LARGEST_BATCH], WithDecryption=True)
                found |= {each["ARN"]: each["Value"] for each in answer["Parameters"]}
        missing += [f"{name} ({each.arn})" for name, each in wanted.items() if each.arn not in found]
    if missing:
        raise RuntimeError(f"{VARIABLE}: there is no parameter for {', '.join(sorted(missing))}.")
    return {name: found[each.arn] for name, each in references.items() if each.arn in found}


def _secrets(references: Mapping[str, Reference]) -> dict[str, str]:
    texts: dict[Reference, str] = {}  # a secret is fetched once, however many of its keys are asked for
    values = {}
    for region, wanted in _by_region(references, "secretsmanager").items():
        with _client("secretsmanager", region) as client:
            for name, each in wanted.items():
                secret = each._replace(json_key="")
                if secret not in texts:
                    texts[secret] = _secret(client, secret, name)
                values[name] = _of_json(texts[secret], each.json_key, name) if each.json_key else texts[secret]
    return values


def _secret(client: Any, secret: Reference, name: str) -> str:
    version = {"VersionStage": secret.version_stage, "VersionId": secret.version_id}
    with _told_of([name]):
        answer = client.get_secret_value(SecretId=secret.arn, **{key: value for key, value in version.items() if value})
    if "SecretString" not in answer:
        raise RuntimeError(f"{VARIABLE}: {name} ({secret.arn}) is binary, and a variable is text.")
    return str(answer["SecretString"])


def _of_json(text: str, key: str, name: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, TypeError, LookupError):
        raise RuntimeError(f"{VARIABLE}: the secret of {name} is no JSON object with the key {key!r}.") from None
    return value if isinstance(value, str) else json.dumps(value)


def _by_region(references: Mapping[str, Reference], service: str) -> dict[str, dict[str, Reference]]:
    """Making a client takes longer than asking it: one for each region."""
    grouped: dict[str, dict[str, Reference]] = {}
    for name, each in references.items():
        if each.service == service:
            grouped.setdefault(each.region, {})[name] = each
    return grouped


@contextmanager
def _client(service: str, region: str) -> Iterator[Any]:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 2})
    client = boto3.client(service, region_name=region, config=config)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _told_of(names: Iterable[str]) -> Iterator[None]:
    """What goes wrong inside is told of these variables."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RuntimeError(f"{VARIABLE}: {', '.join(sorted(names))} cannot be fetched: {error}") from error
