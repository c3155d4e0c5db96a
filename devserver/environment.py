"""Which AWS the service is to use: the embedded one, or what boto3's own variables name."""

from collections.abc import MutableMapping
from dataclasses import dataclass

from chalicelib.errors import WeighthouseError
from chalicelib.settings import GIB, MIB
from devserver.console import Halt
from devserver.signatures import Keys

_EMULATOR = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
_LIMITS = {
    "WEIGHTHOUSE_FORM_LIMIT": 100 * MIB,
    "WEIGHTHOUSE_INLINE_LIMIT": 100 * MIB,
    # The store is near: to read so much takes a request less time than to wait for the worker function.
    "WEIGHTHOUSE_REQUEST_VERIFY_LIMIT": GIB,
}


@dataclass(frozen=True, slots=True)
class Stores:
    """What of S3 and DynamoDB is embedded, and whether the bucket's events come through SQS."""

    embedded_s3: bool
    embedded_dynamodb: bool
    queue: bool

    @property
    def embedded(self) -> bool:
        """Whether the emulator is needed at all."""
        return self.embedded_s3 or self.embedded_dynamodb

    @classmethod
    def named_by(cls, environment: MutableMapping[str, str]) -> "Stores":
        """What is left to embed: AWS_ENDPOINT_URL names all services, AWS_ENDPOINT_URL_S3 one.

        A whole AWS (AWS_ENDPOINT_URL, as LocalStack is) has SQS as well; an S3 alone has not.
        """
        whole = bool(environment.get("AWS_ENDPOINT_URL"))
        s3 = bool(environment.get("AWS_ENDPOINT_URL_S3"))
        dynamodb = bool(environment.get("AWS_ENDPOINT_URL_DYNAMODB"))
        return cls(embedded_s3=not (whole or s3), embedded_dynamodb=not (whole or dynamodb), queue=not s3)


def apply_defaults(environment: MutableMapping[str, str]) -> None:
    """Sets what has no value: limits without a gateway in the way, and a region and keys for emulators."""
    for name, limit in _LIMITS.items():
        environment.setdefault(name, str(limit))
    environment.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    # A profile brings its own.
    if "AWS_PROFILE" not in environment:
        for name, value in _EMULATOR.items():
            environment.setdefault(name, value)
    # A proxy for the world outside cannot reach this machine's own ports.
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, (environment.get(name), "127.0.0.1,localhost")))


def check_authentication() -> None:
    """Raises `Halt` for settings with which the service could know nobody; to be called when they stand."""
    # They are read once.
    from chalicelib.auth.configuration import check_settings
    from chalicelib.settings import settings

    try:
        check_settings()
    except WeighthouseError as error:
        raise Halt(error.detail) from error
    if settings().auth == "iam":
        raise Halt(
            "WEIGHTHOUSE_AUTH=iam needs API Gateway, which checks signatures, and is not here: take jwt or none"
        )


def use_emulator(environment: MutableMapping[str, str], stores: Stores, url: str, keys: Keys) -> None:
    """Leads boto3 to the emulator for what is embedded, with its keys where nothing else needs others."""
    if stores.embedded_s3:
        environment["AWS_ENDPOINT_URL_S3"] = url
        environment["AWS_ENDPOINT_URL_SQS"] = url
    if stores.embedded_dynamodb:
        environment["AWS_ENDPOINT_URL_DYNAMODB"] = url
    if stores.embedded_s3 and stores.embedded_dynamodb:
        # Real keys never go to an emulator, and the data is found again whatever a shell has set.
        environment.update(_EMULATOR)
        environment.update({"AWS_ACCESS_KEY_ID": keys.id, "AWS_SECRET_ACCESS_KEY": keys.secret})
        for name in ("AWS_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            environment.pop(name, None)
