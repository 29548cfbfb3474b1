# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Response plan for a request and a representation (RFC 9110). Pure.

Owns the status, the headers that depend on the request, and the byte ranges to
send, multipart framing included. It does not know where the bytes are stored.

Range is defined for GET only (RFC 9110, section 14.2): a HEAD with a Range is
answered with the headers of a GET without one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from multidict import MultiMapping

from msrv.downloads.conditions import (
    PreconditionResult,
    evaluate,
    field_value,
    range_applies,
)
from msrv.downloads.ranges import ByteRange, parse_range
from msrv.downloads.representation import Disposition, Representation

BodyPart = bytes | ByteRange
"""Part of a response body: literal bytes, or a range of the representation."""


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """Response without its bytes.

    `headers` has all but those that the server always adds (Date, Server).
    `parts` is the body in order; a HEAD has the parts of its GET, which are
    not sent.
    """

    status: HTTPStatus
    headers: dict[str, str]
    parts: tuple[BodyPart, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Size of the body in bytes."""
        return sum(map(_part_size, self.parts))

    def ranges_sent(self, sent_bytes: int) -> Iterator[ByteRange]:
        """Return the ranges in the first `sent_bytes` of the body."""
        for part in self.parts:
            here = min(sent_bytes, _part_size(part))
            if here and isinstance(part, ByteRange):
                yield ByteRange(part.start, part.start + here)
            sent_bytes -= here


def plan_response(
    method: str,
    headers: MultiMapping[str],
    representation: Representation,
    *,
    now_seconds: int,
    cache_control: str,
    disposition: Disposition = "attachment",
) -> ResponsePlan:
    """Plan the response to a request, as of `now_seconds` since 1970.

    - 200 with the whole, or 206 with the requested ranges
    - 304: the client's copy is current
    - 412: an If-Match or If-Unmodified-Since fails
    - 416: no requested byte exists; `Content-Range: bytes */N`

    `cache_control` is sent with each of them.
    """
    result = evaluate(method, headers, representation, now_seconds=now_seconds)
    common = {"Cache-Control": cache_control}
    if result is PreconditionResult.NOT_MODIFIED:
        # Section 15.4.5: the validator, and no other representation header.
        common["ETag"] = representation.etag
        return ResponsePlan(HTTPStatus.NOT_MODIFIED, common)
    if result is PreconditionResult.FAILED:
        common["Content-Length"] = "0"
        return ResponsePlan(HTTPStatus.PRECONDITION_FAILED, common)

    size = representation.size_bytes
    ranges = None
    if (
        method == "GET"
        and (wanted := field_value(headers, "Range")) is not None
    ):
        ranges = parse_range(wanted, size)
    if ranges is not None and not range_applies(
        headers, representation, now_seconds=now_seconds
    ):
        ranges = None
    if ranges == ():
        common["Accept-Ranges"] = "bytes"
        common["Content-Range"] = f"bytes */{size}"
        common["Content-Length"] = "0"
        return ResponsePlan(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, common)

    common |= representation.headers(
        now_seconds=now_seconds, disposition=disposition
    )
    if ranges is not None:
        plan = _partial(ranges, representation, common)
        # Framing can be larger than the parts: many small ranges must never
        # cost more than the whole.
        if len(ranges) == 1 or plan.size_bytes < size:
            return plan
    common["Content-Length"] = str(size)
    return ResponsePlan(
        HTTPStatus.OK, common, (ByteRange(0, size),) if size else ()
    )


def _partial(
    ranges: tuple[ByteRange, ...],
    representation: Representation,
    common: dict[str, str],
) -> ResponsePlan:
    """Plan one range, or several as multipart/byteranges."""
    parts: tuple[BodyPart, ...] = ranges
    if len(ranges) == 1:
        specific = {"Content-Range": _content_range(ranges[0], representation)}
    else:
        boundary = _boundary(ranges, representation)
        parts = tuple(_multipart(ranges, representation, boundary))
        specific = {
            "Content-Type": f"multipart/byteranges; boundary={boundary}"
        }
    length = sum(map(_part_size, parts))
    specific["Content-Length"] = str(length)
    return ResponsePlan(HTTPStatus.PARTIAL_CONTENT, common | specific, parts)


def _multipart(
    ranges: tuple[ByteRange, ...],
    representation: Representation,
    boundary: str,
) -> list[BodyPart]:
    """Return the ranges framed as in section 14.6."""
    parts: list[BodyPart] = []
    before = ""
    for wanted in ranges:
        head = (
            f"{before}--{boundary}\r\n"
            f"Content-Type: {representation.media_type}\r\n"
            f"Content-Range: {_content_range(wanted, representation)}\r\n"
            "\r\n"
        )
        parts += [head.encode("ascii"), wanted]
        before = "\r\n"
    parts.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
    return parts


def _boundary(
    ranges: tuple[ByteRange, ...], representation: Representation
) -> str:
    """Return a boundary that the bytes don't contain, the same on any replica.

    It is derived from the bytes' digest: a file that contains it would have to
    contain its own SHA-256.
    """
    seed = f"{representation.etag} {ranges}".encode()
    return f"part-{hashlib.sha256(seed).hexdigest()[:32]}"


def _content_range(wanted: ByteRange, representation: Representation) -> str:
    last = wanted.stop - 1
    return f"bytes {wanted.start}-{last}/{representation.size_bytes}"


def _part_size(part: BodyPart) -> int:
    return part.size_bytes if isinstance(part, ByteRange) else len(part)
