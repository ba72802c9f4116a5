"""Keys with `//`, which S3 allows and obstore does not: boto3 lists and reads them, where it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.object import GoneError, Object, plain_tag
from duckdb_sketch.rollup.sources.secrets import secret_of

_OPTIONS = {  # of boto3, by those of obstore
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
    "region": "region_name",
    "endpoint": "endpoint_url",
}


def is_odd(key: str) -> bool:
    """Whether obstore does not take a key."""
    return "//" in key or key.startswith("/")


def list_odd(scheme: str, bucket: str, prefix: str, after: str) -> Iterator[Object]:
    """The objects of a bucket whose keys begin with a prefix, in their order.

    Raises:
        SourceError: If boto3 is not installed, or they cannot be listed.
    """
    url = f"{scheme}://{bucket}/{prefix}"
    pages = _client(url).get_paginator("list_objects_v2")
    with_start = {"StartAfter": after} if after else {}
    try:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, **with_start):
            for each in page.get("Contents", ()):
                yield _object(f"{scheme}://{bucket}/{each['Key']}", each["Size"], each)
    except Exception as error:  # whatever boto3 raises
        raise SourceError(f"{url} cannot be listed: {error}") from error


def find_odd(url: str, bucket: str, key: str) -> Object | None:
    """The object of a key; None if there is none.

    Raises:
        SourceError: If boto3 is not installed, or it cannot be asked for.
    """
    try:
        return _asked(url, "head_object", bucket, key)[0]
    except GoneError:
        return None


def download_odd(url: str, bucket: str, key: str, path: str) -> tuple[str, int | None]:
    """Copy the object of a key to a file; its ETag, and how long it ought to be.

    Raises:
        GoneError: If there is none.
        SourceError: If boto3 is not installed, or it cannot be read.
    """
    found, answer = _asked(url, "get_object", bucket, key)
    try:
        with open(path, "wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
    except Exception as error:
        raise SourceError(f"{url} broke off: {error}") from error
    return found.tag, found.size


def _asked(url: str, method: str, bucket: str, key: str) -> tuple[Object, Any]:
    client = _client(url)
    try:
        answer = getattr(client, method)(Bucket=bucket, Key=key)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            raise GoneError(url) from error
        raise SourceError(f"{url} cannot be read: {error}") from error
    return _object(url, answer["ContentLength"], answer), answer


def _object(url: str, size: int, answer: Any) -> Object:
    modified = int(answer["LastModified"].timestamp() * 1_000_000) * 1000
    return Object(url, size, modified, plain_tag(answer["ETag"]))


def _client(url: str) -> Any:
    if not url.startswith("s3") or not find_spec("boto3"):
        raise SourceError(
            f"{url}: a key below it has //, which only boto3 reads, from S3: pip install boto3, or rename the object"
        )
    import boto3  # type: ignore[import-untyped,unused-ignore]

    secret = secret_of(url)
    options = {_OPTIONS[name]: value for name, value in (secret.options or () if secret else ()) if name in _OPTIONS}
    options.setdefault("region_name", os.environ.get("AWS_REGION", "us-east-1"))
    return boto3.client("s3", **options)
