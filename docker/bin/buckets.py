#!/usr/bin/env python3
"""Create the stack's buckets, write them to a tar archive on stdout, or restore them from one on stdin.

    buckets.py create mlflow stemline
    buckets.py backup mlflow stemline/journal > buckets.tar     # a bucket, or a folder in one
    buckets.py restore < buckets.tar        # adds and overwrites; deletes nothing

Objects are copied one at a time, in pieces, so memory does not grow with their size. Endpoint and credentials come from
 AWS_ENDPOINT_URL and AWS_SHARED_CREDENTIALS_FILE.
"""

from __future__ import annotations

import sys
import tarfile
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client() -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 10}, connect_timeout=5)
    return boto3.client("s3", region_name="us-east-1", config=config)


def create(s3: Any, buckets: list[str]) -> None:
    for bucket in buckets:
        try:
            s3.create_bucket(Bucket=bucket)
            print(f"made bucket {bucket}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
                raise
            print(f"bucket {bucket} is there")


def backup(s3: Any, places: list[str]) -> None:
    saved: Counter[str] = Counter()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for place in places:
            bucket, _, folder = place.strip("/").partition("/")
            below = f"{folder}/" if folder else ""
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below):
                for listed in page.get("Contents", []):
                    if listed["Key"].endswith("/"):  # marks an empty folder
                        continue
                    answer = s3.get_object(Bucket=bucket, Key=listed["Key"])
                    member = tarfile.TarInfo(f"{bucket}/{listed['Key']}")
                    member.size = answer["ContentLength"]
                    member.mtime = int(listed["LastModified"].timestamp())
                    archive.addfile(member, answer["Body"])
                    saved["/".join(PurePosixPath(member.name).parent.parts[:2])] += 1
    for place, count in sorted(saved.items()):
        print(f"{count} objects of {place}", file=sys.stderr)
    print(f"{saved.total()} objects written", file=sys.stderr)


def restore(s3: Any) -> None:
    count = 0
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for member in archive:
            bucket, _, key = member.name.partition("/")
            body = archive.extractfile(member)
            if not key or body is None:
                continue
            s3.upload_fileobj(_Piece(body), bucket, key)
            count += 1
    print(f"{count} objects brought back", file=sys.stderr)


class _Piece:
    """A tar member as a read-only stream: without `seek`, since the uploader can't seek in a pipe."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._body.read(size)
        return data


def main(arguments: list[str]) -> int:
    match arguments:
        case ["create", *buckets] if buckets:
            create(client(), buckets)
        case ["backup", *places] if places:
            backup(client(), places)
        case ["restore"]:
            restore(client())
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
