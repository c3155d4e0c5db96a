"""The account that is deployed to: boto3's own credentials, region and endpoint."""

import os
from typing import TYPE_CHECKING, Any, cast

from devserver.console import Halt, say
from infra.names import deployment_bucket

if TYPE_CHECKING:
    from boto3.session import Session


NOT_PUBLIC = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
"""What keeps a bucket from ever being public
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html)."""


class Account:
    """An account in a region, or an emulator that stands for one."""

    def __init__(self) -> None:
        """`Halt` when no region is set, or the credentials are not taken."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        self._session: Session = boto3.Session()
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
        """Where an emulator is; empty for AWS itself."""
        if not self._session.region_name:
            raise Halt("No region is set: name one, as in AWS_DEFAULT_REGION=eu-central-1.")
        self.region = self._session.region_name
        try:
            self.id = self.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise Halt(
                f"AWS does not answer, or does not take the credentials that boto3 finds: {error}"
            ) from None

    @property
    def access_key(self) -> str:
        """The id of the access key that requests are signed with."""
        credentials = self._session.get_credentials()
        assert credentials is not None  # the account was asked for with them
        return credentials.access_key or ""

    def client(self, service: str) -> Any:
        """A boto3 client."""
        from botocore.config import Config

        # bucket.localhost is no name that resolves.
        by_path: Any = {"addressing_style": "path" if self.endpoint else "auto"}
        return cast(Any, self._session).client(service, config=Config(s3=by_path))

    def upload(self, key: str, data: bytes) -> str:
        """Puts what CloudFormation is to read into the bucket for it, unless it is there; gives the bucket."""
        name = deployment_bucket(self.id, self.region)
        s3 = self.client("s3")
        self._make_bucket(s3, name)
        if not s3.list_objects_v2(Bucket=name, Prefix=key).get("Contents"):
            s3.put_object(Bucket=name, Key=key, Body=data)
        return name

    def _make_bucket(self, s3: Any, name: str) -> None:
        from botocore.exceptions import ClientError

        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise Halt(f"The bucket {name} cannot be used for packages: {error}") from None
        else:
            return
        say(f"Making the bucket {name} for packages …")
        where = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        # What S3 does with new buckets by itself, too; said for accounts that were told otherwise.
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=dict.fromkeys(NOT_PUBLIC, True),
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
