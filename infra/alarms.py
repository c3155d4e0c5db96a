"""What somebody should look at: errors, throttles, and calls that were given up. Ten alarms are free."""

from typing import Any

from infra.functions import FUNCTIONS
from infra.intrinsics import if_on
from infra.names import Names

_MINUTES_5 = 300


def resources(names: Names) -> dict[str, Any]:
    """An alarm for each, and the topic that tells by e-mail where an address is given."""
    made: dict[str, Any] = {
        "AlarmTopic": {
            "Type": "AWS::SNS::Topic",
            "Condition": "Alarmed",
            "Properties": {
                "Subscription": [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}],
                "TopicName": f"{names.stack}-alarms",
            },
        },
        "DeadLettersAlarm": _alarm(
            f"{names.stack}: calls were given up; they lie in the dead-letter queue.",
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimension=("QueueName", {"Fn::GetAtt": ["DeadLetters", "QueueName"]}),
            statistic="Maximum",
        ),
        "ServerErrorsAlarm": _alarm(
            f"{names.stack}: API Gateway answered with 5xx.",
            namespace="AWS/ApiGateway",
            metric="5XXError",
            dimension=("ApiName", names.stack),
        ),
    }
    for function in FUNCTIONS:
        for metric in ("Errors", "Throttles"):
            made[f"{function.logical_id}{metric}Alarm"] = _alarm(
                f"{names.stack}: {metric.lower()} of the function {function.full_name(names)}.",
                namespace="AWS/Lambda",
                metric=metric,
                dimension=("FunctionName", {"Ref": function.logical_id}),
            )
    return made


def _alarm(
    description: str, *, namespace: str, metric: str, dimension: tuple[str, Any], statistic: str = "Sum"
) -> dict[str, Any]:
    name, value = dimension
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmActions": if_on("Alarmed", [{"Ref": "AlarmTopic"}]),
            "AlarmDescription": description,
            "ComparisonOperator": "GreaterThanThreshold",
            "Dimensions": [{"Name": name, "Value": value}],
            "EvaluationPeriods": 1,
            "MetricName": metric,
            "Namespace": namespace,
            "OKActions": if_on("Alarmed", [{"Ref": "AlarmTopic"}]),
            "Period": _MINUTES_5,
            "Statistic": statistic,
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
        },
    }
