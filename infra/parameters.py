"""The stack's parameters: the service's own settings, and what is around it.

A user names each by a variable of the shell, or of make's command line: `WEIGHTHOUSE_LOG_DAYS=30` is the
parameter `LogDays`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from chalicelib.auth import configuration
from chalicelib.errors import WeighthouseError
from chalicelib.settings import Settings
from devserver.console import Halt

_FIXED = {"bucket", "table", "form_limit", "inline_limit", "public_s3_endpoint"}
"""Settings that the template or Lambda's own limits decide."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the stack; `name` is that of the setting, as in `log_days`."""

    name: str
    description: str
    default: str = ""
    allowed: tuple[str, ...] = ()
    number: bool = False

    @property
    def key(self) -> str:
        """Its name in the stack, as in `LogDays`."""
        return self.name.title().replace("_", "")

    @property
    def variable(self) -> str:
        """Its name in the shell, as in `WEIGHTHOUSE_LOG_DAYS`."""
        return f"WEIGHTHOUSE_{self.name.upper()}"

    def declaration(self) -> dict[str, Any]:
        """What the template says of it."""
        return {
            "Type": "Number" if self.number else "String",
            "Default": self.default,
            "Description": self.description,
            **({"AllowedValues": list(self.allowed)} if self.allowed else {}),
            **({"MinValue": 1} if self.number else {}),
        }


SETTINGS = tuple(
    Parameter(
        field.name,
        f"The service's setting WEIGHTHOUSE_{field.name.upper()}.",
        default=str(field.default),
        allowed=get_args(field.type),
        number=field.type is int,
    )
    for field in fields(Settings)
    if field.name not in _FIXED
)
"""The service's settings, each with the default that it has everywhere."""

SWITCH = ("off", "on")
AROUND = (
    Parameter("access_logs", "Whether API Gateway logs each request.", "on", SWITCH),
    Parameter("alarm_email", "Who is told when an alarm goes off; empty for nobody."),
    Parameter("architecture", "What the functions run on.", "x86_64", ("x86_64", "arm64")),
    Parameter("certificate_arn", "The certificate of the domain, in this region's ACM."),
    Parameter("domain", "A domain of your own for the API; empty for none."),
    Parameter(
        "log_days",
        "Days that logs are kept.",
        "30",
        ("1", "3", "5", "7", "14", "30", "60", "90", "120", "180", "365", "731", "1827", "3653"),
    ),
    Parameter("throttle_burst", "Requests at once; more are answered with 429.", "200", number=True),
    Parameter(
        "throttle_rate", "Requests a second in the long run; more are answered with 429.", "100", number=True
    ),
    Parameter("versioning", "Whether the bucket keeps old versions of objects for 30 days.", "on", SWITCH),
    Parameter("xray", "Whether requests are traced by X-Ray.", "off", SWITCH),
)

PARAMETERS = (*SETTINGS, *AROUND)


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """The values that these variables give, by the parameters' keys."""
    return {
        parameter.key: environment[parameter.variable]
        for parameter in PARAMETERS
        if parameter.variable in environment
    }


def completed(given: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
    """A value for each parameter: the one given, or else the stack's, or else the default."""
    return {
        parameter.key: given.get(parameter.key, current.get(parameter.key, parameter.default))
        for parameter in PARAMETERS
    }


def check(values: Mapping[str, str], *, public: bool) -> None:
    """Raises `Halt` for values that can't be, or that would leave the service open unless `public`."""
    for parameter in PARAMETERS:
        check_one(parameter, values[parameter.key])
    if bool(values["Domain"]) != bool(values["CertificateArn"]):
        raise Halt("WEIGHTHOUSE_DOMAIN and WEIGHTHOUSE_CERTIFICATE_ARN go together: name both, or none.")
    if values["Auth"] == "none" and not public:
        raise Halt(
            "With WEIGHTHOUSE_AUTH=none whoever finds the address can read, change and delete everything."
            " Set WEIGHTHOUSE_AUTH to jwt or iam, or, if that is what you want, I_KNOW=public."
        )
    if values["Auth"] == "jwt":
        _check_jwt(values)


def check_one(parameter: Parameter, value: str) -> None:
    """Raises `Halt` for a value that the parameter can't have."""
    if parameter.allowed and value not in parameter.allowed:
        raise Halt(f"{parameter.variable} is {value!r}: it must be one of {', '.join(parameter.allowed)}.")
    if parameter.number and not re.fullmatch(r"[1-9][0-9]*", value):
        raise Halt(f"{parameter.variable} is {value!r}: it must be a positive whole number.")


def _check_jwt(values: Mapping[str, str]) -> None:
    named = {parameter.name: values[parameter.key] for parameter in SETTINGS if not parameter.number}
    try:
        configuration.check(Settings(**named))  # type: ignore[arg-type]
    except WeighthouseError as error:
        raise Halt(error.detail) from None
    if values["JwtSecret"].startswith("file:"):
        raise Halt(
            "WEIGHTHOUSE_JWT_SECRET must be the ARN of a secret in Secrets Manager, or of a parameter of SSM:"
            " functions have no files of yours."
        )
