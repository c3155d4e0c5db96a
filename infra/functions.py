"""The three functions: what each runs on, what it may do, who calls it, and what becomes of a call that fails."""

from dataclasses import dataclass
from typing import Any

from infra.dependencies import PYTHON
from infra.intrinsics import arn_of, if_on, sub
from infra.names import Names
from infra.parameters import SETTINGS
from infra.policies import statements


@dataclass(frozen=True, slots=True)
class Function:
    """A function of `app.py`: Chalice's name for it in the template, and ours in the account."""

    logical_id: str
    name: str
    seconds: int
    memory: int
    """MB; 1,769 are one whole CPU
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""

    def full_name(self, names: Names) -> str:
        """Its name in the account."""
        return f"{names.stack}-{self.name}"


API = Function("APIHandler", "api", seconds=29, memory=1769)
"""API Gateway waits 29 s."""
WORKER = Function("OnObjectCreated", "on-object-created", seconds=900, memory=2048)
SWEEP = Function("Sweep", "sweep", seconds=900, memory=2048)
FUNCTIONS = (API, WORKER, SWEEP)

_RETRIES = {WORKER: 2, SWEEP: 0}
"""The sweep comes again by itself."""
_SWEEP_EVERY = "rate(5 minutes)"
"""8,640 runs a month of a third of a second: within what is free, and about 10 cents without that."""


def function_arn(names: Names, function: Function) -> dict[str, str]:
    """A function's ARN, written out: bucket and function name each other."""
    return sub(
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + function.full_name(names)
    )


def resources(names: Names) -> dict[str, Any]:
    """Functions, their roles and logs, the schedule, and the queue of calls that failed."""
    made: dict[str, Any] = {
        "DeadLetters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "MessageRetentionPeriod": 14 * 86_400,
                "QueueName": f"{names.stack}-dead-letters",
                "SqsManagedSseEnabled": True,
            },
        },
        **_schedule(),
    }
    for function in FUNCTIONS:
        made[function.logical_id] = _function(names, function)
        made[f"{function.logical_id}Role"] = _role(names, function)
        made[f"{function.logical_id}Logs"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": f"/aws/lambda/{function.full_name(names)}",
                "RetentionInDays": {"Ref": "LogDays"},
            },
        }
        if function in _RETRIES:
            made[f"{function.logical_id}Invocations"] = _invocations(function)
    return made


def _function(names: Names, function: Function) -> dict[str, Any]:
    """What Chalice's own part of the template does not say, or says otherwise."""
    return {
        "DependsOn": [f"{function.logical_id}Logs"],
        "Properties": {
            "Architectures": [{"Ref": "Architecture"}],
            "Environment": {"Variables": _environment(names)},
            "FunctionName": function.full_name(names),
            # Our own line says all that Lambda's three of a run do that ends well.
            "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"},
            "MemorySize": function.memory,
            "Role": arn_of(f"{function.logical_id}Role"),
            "Runtime": f"python{PYTHON}",
            "Timeout": function.seconds,
            "Tracing": if_on("Traced", "Active", "PassThrough"),
        },
    }


def _environment(names: Names) -> dict[str, Any]:
    return {
        "WEIGHTHOUSE_BUCKET": names.bucket,
        "WEIGHTHOUSE_TABLE": names.table,
        **{parameter.variable: {"Ref": parameter.key} for parameter in SETTINGS},
    }


def _role(names: Names, function: Function) -> dict[str, Any]:
    logs = sub(
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
        f":log-group:/aws/lambda/{function.full_name(names)}:*"
    )
    allowed: list[Any] = [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": logs},
        *statements(names, function.name),
        if_on(
            "Traced",
            {
                "Effect": "Allow",
                "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                # X-Ray knows no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
                "Resource": "*",
            },
        ),
    ]
    if function in _RETRIES:
        allowed.append(
            {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": arn_of("DeadLetters")},
        )
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
            "Policies": [
                {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": allowed}}
            ],
        },
    }


def _invocations(function: Function) -> dict[str, Any]:
    """Calls that nobody waits for: Lambda tries them again, and keeps what failed in the queue."""
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {
            "DestinationConfig": {"OnFailure": {"Destination": arn_of("DeadLetters")}},
            "FunctionName": {"Ref": function.logical_id},
            "MaximumEventAgeInSeconds": 21_600,
            "MaximumRetryAttempts": _RETRIES[function],
            "Qualifier": "$LATEST",
        },
    }


def _schedule() -> dict[str, Any]:
    return {
        "SweepSchedule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": "Removes what crashes and given-up uploads have left.",
                "ScheduleExpression": _SWEEP_EVERY,
                "Targets": [{"Id": "sweep", "Arn": arn_of(SWEEP.logical_id)}],
            },
        },
        "SweepPermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": SWEEP.logical_id},
                "Principal": "events.amazonaws.com",
                "SourceArn": arn_of("SweepSchedule"),
            },
        },
    }
