"""Preconditions, in the order of RFC 9110, section 13.2.2. Pure.

Fails safe: what can't be read never makes a stale copy look fresh, nor joins
the bytes of two versions.
"""

import re
from enum import Enum

from multidict import MultiMapping

from msrv.downloads.representation import Representation, parse_http_date

# Section 8.8.3. Bytes above 0x7f reach us decoded, as any character.
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"')
_TAG_LIST = re.compile(
    rf"[ \t,]*{_TAG.pattern}(?:[ \t]*,[ \t,]*{_TAG.pattern})*[ \t,]*"
)

# Section 8.8.2.2: a modification time is strong only when the file can't have
# changed twice within that second. A minute is the RFC's older, more careful
# distance (RFC 7232, section 2.2.2), which forgives two clocks.
SETTLED_SECONDS = 60


class PreconditionResult(Enum):
    """What the preconditions leave to do."""

    PERFORM = "perform"
    NOT_MODIFIED = "not modified"
    FAILED = "failed"


def evaluate(
    method: str,
    headers: MultiMapping[str],
    representation: Representation,
    *,
    now_seconds: int,
) -> PreconditionResult:
    """Apply If-Match and its three relatives to a representation.

    If-Range is apart (`range_applies`), since it never ends a request.
    """
    reads = method in {"GET", "HEAD"}
    modified = representation.modified_by(now_seconds)

    if_match = field(headers, "If-Match")
    if if_match is not None:
        if not _matches(if_match, representation.etag, weakly=False):
            return PreconditionResult.FAILED
    elif (
        since := _date(headers, "If-Unmodified-Since", now_seconds)
    ) is not None and modified > since:
        return PreconditionResult.FAILED

    if_none_match = field(headers, "If-None-Match")
    if if_none_match is not None:
        if _matches(if_none_match, representation.etag, weakly=True):
            return (
                PreconditionResult.NOT_MODIFIED
                if reads
                else PreconditionResult.FAILED
            )
    elif (
        reads
        and (since := _date(headers, "If-Modified-Since", now_seconds))
        is not None
        and modified <= since
    ):
        return PreconditionResult.NOT_MODIFIED
    return PreconditionResult.PERFORM


def range_applies(
    headers: MultiMapping[str],
    representation: Representation,
    *,
    now_seconds: int,
) -> bool:
    """Say whether If-Range lets a Range be answered (section 13.1.5).

    True without an If-Range. An entity tag must be strong and the same. A
    date must be that of Last-Modified to the second, and older than
    SETTLED_SECONDS: younger, it is a weak validator and counts for nothing.
    A client that was given a strong entity tag must send that instead, so a
    date here is from one that kept none.
    """
    validator = field(headers, "If-Range")
    if validator is None:
        return True
    if _TAG.fullmatch(validator):
        return validator == representation.etag
    modified = representation.modified_by(now_seconds)
    return (
        parse_http_date(validator, now_seconds=now_seconds) == modified
        and modified + SETTLED_SECONDS <= now_seconds
    )


def field(headers: MultiMapping[str], name: str) -> str | None:
    """Give a field's whole value, all its lines as one; None if absent.

    Joined as section 5.3 says, so that a field that is no list and came twice
    does not parse, and is treated as what it is.
    """
    lines = headers.getall(name, [])
    return ", ".join(line.strip(" \t") for line in lines) if lines else None


def _matches(tags: str, etag: str, *, weakly: bool) -> bool:
    """Compare a list of entity tags, or `*`, as section 8.8.3.2 says."""
    if tags == "*":
        return True
    if not _TAG_LIST.fullmatch(tags):
        return False
    found = _TAG.findall(tags)
    return etag in found or (weakly and f"W/{etag}" in found)


def _date(
    headers: MultiMapping[str], name: str, now_seconds: int
) -> int | None:
    value = field(headers, name)
    if value is None:
        return None
    return parse_http_date(value, now_seconds=now_seconds)
