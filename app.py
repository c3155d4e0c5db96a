"""Wires routes and functions to Chalice; nothing else."""

import os
from typing import Any
from urllib.parse import unquote_plus

from chalicelib import telemetry
from chalicelib.http.gateway import Weighthouse
from chalicelib.http.operations import OPERATIONS

# In this order they appear in /openapi.json and /docs.
from chalicelib.routes import uploads, versions, downloads, access, tokens, service  # isort: skip  # noqa: F401

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    telemetry.start()

app = Weighthouse(app_name="weighthouse")
app.register(OPERATIONS)


@app.lambda_function(name="on_object_created")
@telemetry.running
def on_object_created(event: dict[str, Any], context: Any) -> None:
    """Goes on with the uploads whose bytes have arrived; S3 calls it for each object created."""
    from chalicelib.registry import tasks

    # S3 encodes keys like a form, and its first event on a bucket (s3:TestEvent) has no records
    # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    for record in event.get("Records", []):
        key = unquote_plus(record["s3"]["object"]["key"])
        tasks.handle(key, lambda: context.get_remaining_time_in_millis() / 1000)


@app.lambda_function(name="sweep")
@telemetry.running
def sweep(event: dict[str, Any], context: Any) -> int:
    """Removes what crashes and given-up uploads have left; a schedule calls it. Gives how much it settled."""
    from chalicelib.registry.sweeping import sweep as run

    return run(lambda: context.get_remaining_time_in_millis() / 1000)
