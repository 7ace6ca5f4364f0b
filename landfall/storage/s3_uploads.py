"""Finds and aborts unfinished multipart uploads through S3's own API, which obstore does not list."""

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import ClassVar
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from landfall.exports.errors import StorageUnavailable
from landfall.storage.bucket import S3_ENDPOINTS

_EMPTY = hashlib.sha256(b"").hexdigest()
_GONE = 404


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has begun and is neither completed nor aborted."""

    key: str
    id: str
    begun: datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests without a body: AWS Signature Version 4 for the service `s3`."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    token: str = field(repr=False, default="")

    ALGORITHM: ClassVar[str] = "AWS4-HMAC-SHA256"

    def headers(self, method: str, host: str, path: str, query: str, now: datetime) -> dict[str, str]:
        """The headers of one request; path and query are encoded, the query sorted."""
        moment = f"{now:%Y%m%dT%H%M%SZ}"
        headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
        if self.token:
            headers["x-amz-security-token"] = self.token
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{_EMPTY}"
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        message = f"{self.ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, message.encode(), "sha256").hex()
        credential = f"{self.key_id}/{scope}"
        headers["authorization"] = (
            f"{self.ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}"
        )
        return headers


@dataclass(frozen=True, slots=True)
class UnfinishedUploads:
    """The unfinished uploads below a prefix of a bucket; `root` is the bucket's address, `timeout` in seconds."""

    root: str
    prefix: str
    signer: Signer
    timeout: float

    def abort_before(self, moment: datetime) -> int:
        """Abort what began before a moment; returns how many. Raises StorageUnavailable."""
        old = [upload for upload in self.found() if upload.begun <= moment]
        for upload in old:
            self._ask("DELETE", f"/{upload.key}", {"uploadId": upload.id})
        return len(old)

    def found(self) -> Iterator[Upload]:
        """Every unfinished upload. Raises StorageUnavailable."""
        marker = {"key-marker": "", "upload-id-marker": ""}
        while True:
            page = _parsed(self._ask("GET", "", {"uploads": "", "prefix": self.prefix, **marker}))
            for item in page.iterfind("{*}Upload"):
                begun = datetime.fromisoformat(_text(item, "Initiated"))
                yield Upload(_text(item, "Key"), _text(item, "UploadId"), begun.astimezone(UTC))
            if _text(page, "IsTruncated") != "true":
                return
            marker = {
                "key-marker": _text(page, "NextKeyMarker"),
                "upload-id-marker": _text(page, "NextUploadIdMarker"),
            }

    def _ask(self, method: str, path: str, query: Mapping[str, str]) -> bytes:
        root = urlsplit(self.root)
        encoded = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
        target = quote(root.path + path, safe="/~") or "/"
        headers = self.signer.headers(method, root.netloc, target, encoded, datetime.now(UTC))
        kind = HTTPConnection if root.scheme == "http" else HTTPSConnection
        connection = kind(root.netloc, timeout=self.timeout)
        try:
            connection.request(method, f"{target}?{encoded}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            raise StorageUnavailable("the store does not answer when asked for unfinished uploads.") from None
        finally:
            connection.close()
        if answer.status >= 300 and not (method == "DELETE" and answer.status == _GONE):  # noqa: PLR2004 - RFC 9110
            raise StorageUnavailable(
                f"the store answered {answer.status} when asked for unfinished uploads; allow s3:ListBucketMultipartUploads and s3:AbortMultipartUpload."
            )
        return body


def uploads_of_environment(bucket: str, prefix: str, *, timeout: float) -> UnfinishedUploads | None:
    """The uploads of a bucket, asked for with the environment's static keys; None where there are none."""
    given = os.environ.get
    key_id, secret = given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")
    if not key_id or not secret:
        return None
    region = given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "us-east-1"
    signer = Signer(key_id, secret, region, given("AWS_SESSION_TOKEN") or "")
    endpoint = next(filter(None, map(given, S3_ENDPOINTS)), f"https://s3.{region}.amazonaws.com").rstrip("/")
    hosted = given("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() == "true" and any(map(given, S3_ENDPOINTS))
    return UnfinishedUploads(endpoint if hosted else f"{endpoint}/{bucket}", prefix, signer, timeout)


def _parsed(answer: bytes) -> ET.Element:
    try:
        return ET.fromstring(answer)  # noqa: S314 - an answer of the store that the settings name
    except ET.ParseError:
        raise StorageUnavailable("the store's list of unfinished uploads cannot be read.") from None


def _text(item: ET.Element, name: str) -> str:
    return item.findtext(f"{{*}}{name}") or ""
