# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Preconditions, in the order of RFC 9110, section 13.2.2. Pure.

Fails safe: a malformed field never makes a stale copy look fresh, nor joins
the bytes of two versions.
"""

import re
from enum import Enum

from multidict import MultiMapping

from msrv.downloads.representation import Representation, parse_http_date

# Section 8.8.3. aiohttp decodes bytes above 0x7f to any character.
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"')
_ENTITY_TAG_LIST = re.compile(
    rf"[ \t,]*{_ENTITY_TAG.pattern}"
    rf"(?:[ \t]*,[ \t,]*{_ENTITY_TAG.pattern})*[ \t,]*"
)

# Section 8.8.2.2: a modification time is strong only when the file can't have
# changed twice within that second. A minute is the RFC's older, more careful
# interval (RFC 7232, section 2.2.2), which allows for two clocks.
STRONG_AFTER_SECONDS = 60


class PreconditionResult(Enum):
    """Result of evaluating the preconditions."""

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
    """Evaluate the preconditions of a request, except If-Range.

    If-Range is separate (`range_applies`), since it only affects Range. A
    representation without a date never counts as unmodified since one.
    """
    is_read = method in {"GET", "HEAD"}
    modified = representation.modified_by(now_seconds)

    if_match = field_value(headers, "If-Match")
    if if_match is not None:
        if not _matches(if_match, representation.etag, weakly=False):
            return PreconditionResult.FAILED
    elif (
        since := _parse_date(headers, "If-Unmodified-Since", now_seconds)
    ) is not None and (modified is None or modified > since):
        return PreconditionResult.FAILED

    if_none_match = field_value(headers, "If-None-Match")
    if if_none_match is not None:
        if _matches(if_none_match, representation.etag, weakly=True):
            return (
                PreconditionResult.NOT_MODIFIED
                if is_read
                else PreconditionResult.FAILED
            )
    elif (
        is_read
        and modified is not None
        and (since := _parse_date(headers, "If-Modified-Since", now_seconds))
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
    """Return whether If-Range allows the Range (section 13.1.5).

    True without an If-Range. An entity tag has to be strong and the same. A
    date has to equal Last-Modified, and to be older than STRONG_AFTER_SECONDS:
    a younger one is a weak validator, and does not match. (Clients that have
    the entity tag have to send that instead of a date.) Nor does any date of a
    representation without one.
    """
    validator = field_value(headers, "If-Range")
    if validator is None:
        return True
    if _ENTITY_TAG.fullmatch(validator):
        return validator == representation.etag
    modified = representation.modified_by(now_seconds)
    return (
        modified is not None
        and parse_http_date(validator, now_seconds=now_seconds) == modified
        and modified + STRONG_AFTER_SECONDS <= now_seconds
    )


def has_current_tag(headers: MultiMapping[str], etag: str) -> bool:
    """Return whether a request is for a part of what has an entity tag.

    It has a Range then, and that tag alone as If-Range or If-Match.
    """
    return "Range" in headers and etag in {
        field_value(headers, "If-Range"),
        field_value(headers, "If-Match"),
    }


def field_value(headers: MultiMapping[str], name: str) -> str | None:
    """Return a field's value, its lines combined; None if absent.

    Combined as section 5.3 says, so that a field that is not a list and is
    sent twice does not parse.
    """
    lines = headers.getall(name, [])
    return ", ".join(line.strip(" \t") for line in lines) if lines else None


def is_known_to_client(headers: MultiMapping[str], etag: str) -> bool:
    """Return whether If-None-Match has an entity tag, strong or weak."""
    tags = field_value(headers, "If-None-Match")
    return tags is not None and _matches(
        tags, etag.removeprefix("W/"), weakly=True
    )


def _matches(tags: str, etag: str, *, weakly: bool) -> bool:
    """Return whether an entity tag is in a list (section 8.8.3.2)."""
    if tags == "*":
        return True
    if not _ENTITY_TAG_LIST.fullmatch(tags):
        return False
    found = _ENTITY_TAG.findall(tags)
    return etag in found or (weakly and f"W/{etag}" in found)


def _parse_date(
    headers: MultiMapping[str], name: str, now_seconds: int
) -> int | None:
    value = field_value(headers, name)
    if value is None:
        return None
    return parse_http_date(value, now_seconds=now_seconds)
