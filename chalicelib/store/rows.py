"""The rows of the table: one model for all of them, and the three indexes of published versions.

One Model class means one connection and one client, whose creation a cold start pays once.
"""

from datetime import UTC, datetime
from typing import TypeVar

from msgspec import json
from pynamodb.attributes import (
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.settings import settings

T = TypeVar("T")


class Newest(GlobalSecondaryIndex["Row"]):
    """A user's versions by age."""

    class Meta:
        """Carries whole rows, so that a page is one query."""

        index_name = "newest"
        projection = AllProjection()

    by_user = UnicodeAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True)


class NewestByFramework(GlobalSecondaryIndex["Row"]):
    """A user's versions of one framework by age."""

    class Meta:
        """Carries whole rows, so that a page is one query."""

        index_name = "newest_by_framework"
        projection = AllProjection()

    by_framework = UnicodeAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True)


class NewestByModelType(GlobalSecondaryIndex["Row"]):
    """A user's versions of one model type by age."""

    class Meta:
        """Carries whole rows, so that a page is one query."""

        index_name = "newest_by_model_type"
        projection = AllProjection()

    by_model_type = UnicodeAttribute(hash_key=True)
    created_key = UnicodeAttribute(range_key=True)


class Row(Model):
    """Any row. Only a published version's row has the indexes' keys, so only those are in the indexes."""

    class Meta:
        """Host and region are left to boto3's own settings; timeouts stay well under API Gateway's 29 s."""

        table_name = settings().table
        billing_mode = PAY_PER_REQUEST_BILLING_MODE
        connect_timeout_seconds = 3
        read_timeout_seconds = 8
        max_retry_attempts = 4
        max_pool_connections = 32

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    revision = NumberAttribute(null=True)
    upload_id = UnicodeAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    due_at = NumberAttribute(null=True)
    detail = UnicodeAttribute(null=True)
    looked_to = NumberAttribute(null=True)
    lacking = NumberSetAttribute(null=True)
    files_done = NumberAttribute(null=True)
    files_total = NumberAttribute(null=True)
    bytes_done = NumberAttribute(null=True)
    bytes_total = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)

    created_key = UnicodeAttribute(null=True)
    by_user = UnicodeAttribute(null=True)
    by_framework = UnicodeAttribute(null=True)
    by_model_type = UnicodeAttribute(null=True)
    framework = UnicodeAttribute(null=True)
    model_type = UnicodeAttribute(null=True)
    marks = UnicodeSetAttribute(null=True)
    weight = NumberAttribute(null=True)
    multipart_id = UnicodeAttribute(null=True)
    shares = NumberAttribute(null=True)
    shares_done = NumberSetAttribute(null=True)
    readers = UnicodeSetAttribute(null=True)
    downloads = NumberAttribute(null=True)

    newest = Newest()
    newest_by_framework = NewestByFramework()
    newest_by_model_type = NewestByModelType()

    def read(self, type_: type[T]) -> T:
        """The document in `body`."""
        return json.decode(self.body, type=type_)


def expiry(seconds: int) -> datetime:
    """The moment from which the table's TTL may remove a row, from seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
