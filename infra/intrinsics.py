"""CloudFormation's own functions (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/)."""

from typing import Any

NOTHING = {"Ref": "AWS::NoValue"}


def sub(text: str) -> dict[str, str]:
    """Text in which `${Name}` stands for a value of the stack."""
    return {"Fn::Sub": text}


def if_on(condition: str, then: Any, otherwise: Any = None) -> dict[str, Any]:
    """The one or the other, by a condition of the template; the field is left out where it is None."""
    return {"Fn::If": [condition, then, NOTHING if otherwise is None else otherwise]}


def arn_of(logical_id: str) -> dict[str, list[str]]:
    """The ARN of something else in the template."""
    return {"Fn::GetAtt": [logical_id, "Arn"]}
