"""What can be downloaded: its size, its validators, its name.

Owns the headers that describe a representation whatever was asked of it;
`answers` adds those that depend on the request.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Literal, Self

from msrv.downloads.dates import format_http_date
from msrv.downloads.disposition import content_disposition
from msrv.storage.model import Content

Disposition = Literal["attachment", "inline"]


@dataclass(frozen=True, slots=True)
class Representation:
    """One thing as HTTP sees it (RFC 9110, section 3.2).

    `etag` is a strong entity tag with its quotes: two representations with
    the same tag are the same bytes. `last_modified` is in whole seconds since
    1970, UTC. `file_name` is what the receiver is told to call it, any text
    at all; None says nothing. `sha256` is of all the bytes, None where that
    is not known before they are sent.
    """

    size_bytes: int
    etag: str
    last_modified: int
    media_type: str
    file_name: str | None = None
    sha256: bytes | None = None

    @classmethod
    def of_file(cls, content: Content, file_name: str | None = None) -> Self:
        """Describe one stored file, to be called `file_name`."""
        return cls(
            size_bytes=content.size_bytes,
            etag=f'"{content.sha256.hex()}"',
            last_modified=content.mtime_ns // 1_000_000_000,
            media_type=content.media_type,
            file_name=file_name,
            sha256=content.sha256,
        )

    def modified_by(self, now_seconds: int) -> int:
        """Give Last-Modified in seconds, never later than `now_seconds`.

        An origin server must not date a representation in the future (RFC
        9110, section 8.8.2.1); a file's own time may well be there.
        """
        return max(0, min(self.last_modified, now_seconds))

    def headers(
        self, *, now_seconds: int, disposition: Disposition
    ) -> dict[str, str]:
        """Describe it, whole: validators, type, name and digest.

        Repr-Digest (RFC 9530, section 3) is of the whole in a partial answer
        too, so that who resumes can check what came together.
        """
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": self.media_type,
            "ETag": self.etag,
            "Last-Modified": format_http_date(self.modified_by(now_seconds)),
        }
        if self.file_name is not None:
            headers["Content-Disposition"] = content_disposition(
                self.file_name, disposition
            )
        if self.sha256 is not None:
            digest = b64encode(self.sha256).decode("ascii")
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        return headers
