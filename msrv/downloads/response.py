"""What to answer to one request for one representation. Pure.

Owns the status, every header that depends on the request, and which bytes go
out, multipart framing included. Refuses to know where the bytes live.

Range is defined for GET alone (RFC 9110, section 14.2): a HEAD with one is
answered as a HEAD without, whose headers are those of a plain GET.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from multidict import MultiMapping

from msrv.downloads.conditions import (
    PreconditionResult,
    evaluate,
    field,
    range_applies,
)
from msrv.downloads.ranges import ByteRange, parse_range
from msrv.downloads.representation import Disposition, Representation

# A part of an answer's body: bytes as they are, or bytes of the
# representation.
BodyPart = bytes | ByteRange


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """A response, but for its bytes.

    `headers` hold everything but what a server adds to all (Date, Server).
    `parts` are the body in order; a HEAD has the parts of its GET, and is not
    sent them.
    """

    status: HTTPStatus
    headers: dict[str, str]
    parts: tuple[BodyPart, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The length of the body."""
        return sum(map(_size, self.parts))

    def within(self, sent_bytes: int) -> Iterator[ByteRange]:
        """Say what of the representation the body's first bytes hold."""
        for part in self.parts:
            here = min(sent_bytes, _size(part))
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

    - 200 and all of it; 206 and the ranges asked for
    - 304: what the client has is still good
    - 412: an If-Match or If-Unmodified-Since does not hold
    - 416: it has none of the bytes asked for; `Content-Range: bytes */N`

    `cache_control` goes with every one of them.
    """
    verdict = evaluate(
        method, headers, representation, now_seconds=now_seconds
    )
    common = {"Cache-Control": cache_control}
    if verdict is PreconditionResult.NOT_MODIFIED:
        # Section 15.4.5: the validator, and nothing else of what it describes.
        common["ETag"] = representation.etag
        return ResponsePlan(HTTPStatus.NOT_MODIFIED, common)
    if verdict is PreconditionResult.FAILED:
        common["Content-Length"] = "0"
        return ResponsePlan(HTTPStatus.PRECONDITION_FAILED, common)

    size = representation.size_bytes
    ranges = None
    if method == "GET" and (wanted := field(headers, "Range")) is not None:
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
        answer = _partial(ranges, representation, common)
        # Framing can outweigh what it frames: asking for many small parts
        # must never cost more than asking for all.
        if len(ranges) == 1 or answer.size_bytes < size:
            return answer
    common["Content-Length"] = str(size)
    return ResponsePlan(
        HTTPStatus.OK, common, (ByteRange(0, size),) if size else ()
    )


def _partial(
    ranges: tuple[ByteRange, ...],
    representation: Representation,
    common: dict[str, str],
) -> ResponsePlan:
    """Plan one range as it is, or several as multipart/byteranges."""
    parts: tuple[BodyPart, ...] = ranges
    if len(ranges) == 1:
        specific = {"Content-Range": _content_range(ranges[0], representation)}
    else:
        boundary = _boundary(ranges, representation)
        parts = tuple(_multipart(ranges, representation, boundary))
        specific = {
            "Content-Type": f"multipart/byteranges; boundary={boundary}"
        }
    length = sum(map(_size, parts))
    specific["Content-Length"] = str(length)
    return ResponsePlan(HTTPStatus.PARTIAL_CONTENT, common | specific, parts)


def _multipart(
    ranges: tuple[ByteRange, ...],
    representation: Representation,
    boundary: str,
) -> list[BodyPart]:
    """Frame the ranges as section 14.6 shows, Content-Range in each part."""
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
    """Choose a line that the bytes don't hold, the same on any replica.

    It comes of the bytes' own digest, so a file made to hold it would have to
    hold its own SHA-256.
    """
    seed = f"{representation.etag} {ranges}".encode()
    return f"part-{hashlib.sha256(seed).hexdigest()[:32]}"


def _content_range(wanted: ByteRange, representation: Representation) -> str:
    last = wanted.stop - 1
    return f"bytes {wanted.start}-{last}/{representation.size_bytes}"


def _size(part: BodyPart) -> int:
    return part.size_bytes if isinstance(part, ByteRange) else len(part)
