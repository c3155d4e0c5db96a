"""The rules of CloudWatch's embedded metric format, as its specification has them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from each import each

UNITS = {
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Percent",
    "Count",
    "None",
}


def _is_name(value):
    return isinstance(value, str) and 1 <= len(value) <= 1024 and value.isascii() and value.isprintable()


def metrics(line):
    """The metrics that CloudWatch takes out of a line, by name and dimensions; fails where it would take none."""
    found = {}
    about = line["_aws"]
    assert set(about) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(about["Timestamp"], int)
    assert about["Timestamp"] > 1_700_000_000_000, "milliseconds, not seconds"
    for directive in each(about["CloudWatchMetrics"]):
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert _is_name(directive["Namespace"])
        assert 1 <= len(directive["Metrics"]) <= 100
        for dimensions in each(directive["Dimensions"]):
            assert len(dimensions) <= 30
            assert not [name for name in dimensions if not (_is_name(name) and _is_name(line[name]))]
            for metric in each(directive["Metrics"]):
                assert _is_name(metric["Name"])
                assert metric["Unit"] in UNITS
                value = line[metric["Name"]]
                assert isinstance(value, int | float)
                assert not isinstance(value, bool)
                values = tuple((name, line[name]) for name in dimensions)
                found[metric["Name"], values] = value
    return found
