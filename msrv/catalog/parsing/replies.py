# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Validation of the parser process's replies, before they are used.

The process may have been taken over by the file that it parsed. Apart from
`parser`: these are pure functions.
"""

import dataclasses
import functools
import math
import re
import types
import typing
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from msrv.catalog.metadata.cover_images import ImageFacts, NotAPicture
from msrv.catalog.metadata.pdf_pages import MAX_PAGES
from msrv.catalog.metadata.tags import MAX_SECONDS, NotAudio, Tags
from msrv.catalog.metadata.track_texts import TrackTexts
from msrv.catalog.parsing.errors import ProcessEnded
from msrv.catalog.parsing.messages import Message
from msrv.display_text import clean_line

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_MAX_SIDE: Final = 1 << 20
_MAX_CHARS: Final = 4000
_MAX_PARTS: Final = 1000
_MAX_NUMBER: Final = 1 << 62
_UNSAFE: Final = frozenset({"Cc", "Cs"})

_Check = Callable[[object], object]


class InvalidReply(Exception):
    """A reply has a value that isn't allowed; the message names the field."""


def parse_tags(reply: Message) -> Tags:
    """Return the tags in a reply.

    Raises NotAudio, OSError, InvalidReply and ProcessEnded, as do the others.
    """
    _raise_if_refused(reply, NotAudio)
    found = check_fields(Tags, reply.fields.get("tags"))
    if (found.get("duration_seconds") or 0) > MAX_SECONDS:
        raise InvalidReply("a duration")
    return Tags.from_facts(found)


def parse_image_facts(reply: Message) -> ImageFacts:
    """Return the facts of a picture in a reply. Raises NotAPicture."""
    _raise_if_refused(reply, NotAPicture)
    facts = ImageFacts(**check_fields(ImageFacts, reply.fields.get("picture")))
    if not (0 < facts.width <= _MAX_SIDE and 0 < facts.height <= _MAX_SIDE):
        raise InvalidReply("a picture's size")
    if not _COLOUR.fullmatch(facts.colour):
        raise InvalidReply("a colour")
    return facts


def parse_page_count(reply: Message) -> int | None:
    """Return the number of pages in a reply, None if it isn't known."""
    _raise_if_refused(reply, InvalidReply)
    found = _check_any([_check_int, _check_none], reply.fields.get("pages"))
    if not isinstance(found, int):
        return None
    if not 0 < found <= MAX_PAGES:
        raise InvalidReply("a number of pages")
    return found


def parse_picture(reply: Message) -> bytes:
    """Return the AVIF, WebP, JPEG or PNG in a reply. Raises NotAPicture."""
    _raise_if_refused(reply, NotAPicture)
    is_webp = (reply.body[:4], reply.body[8:12]) == (b"RIFF", b"WEBP")
    is_avif = reply.body[4:12] == b"ftypavif"
    is_jpeg = reply.body.startswith(b"\xff\xd8\xff")
    is_png = reply.body.startswith(b"\x89PNG\r\n\x1a\n")
    if not (is_webp or is_avif or is_jpeg or is_png):
        raise InvalidReply("a picture")
    return reply.body


def clean_message(text: object) -> str:
    """Return the process's text as one printable line."""
    return clean_line(str(text)[:1000], 300)


def _raise_if_refused(
    reply: Message, refused: Callable[[str], Exception]
) -> None:
    """Raise the error that the process reported, if any."""
    if "refused" in reply.fields:
        raise refused(clean_message(reply.fields["refused"]))
    if "unreadable" in reply.fields:
        raise OSError(None, clean_message(reply.fields["unreadable"]))
    if "memory" in reply.fields:
        raise ProcessEnded("takes too much memory to read", by_chance=False)


def check_fields(kind: type, values: object) -> dict[str, Any]:
    """Return JSON values as arguments for a dataclass. Raises InvalidReply.

    Text has no control characters and numbers are finite; a missing field
    keeps its default.
    """
    if not isinstance(values, dict):
        raise InvalidReply(f"no {kind.__name__}")
    checks = _checks(kind)
    found = {}
    for name, value in values.items():
        check = checks.get(name)
        if check is None:
            raise InvalidReply(f"no field {name[:40]!a}")
        try:
            found[name] = check(value)
        except InvalidReply:
            raise InvalidReply(f"no {name}") from None
    return found


@functools.cache
def _checks(kind: type) -> dict[str, _Check]:
    hints = typing.get_type_hints(kind)
    return {
        each.name: _check_for(hints[each.name])
        for each in dataclasses.fields(kind)
    }


def _check_for(hint: Any) -> _Check:  # noqa: ANN401 - a type
    """Return the check for fields of a type."""
    if isinstance(hint, types.UnionType):
        options = [_check_for(each) for each in typing.get_args(hint)]
        return lambda value: _check_any(options, value)
    origin = typing.get_origin(hint)
    if origin in {tuple, list}:
        part = _check_for(typing.get_args(hint)[0])
        return lambda value: origin(map(part, _check_list(value)))
    return _PLAIN[hint]


def _check_any(options: list[_Check], value: object) -> object:
    for option in options:
        try:
            return option(value)
        except InvalidReply:
            continue
    raise InvalidReply


def _check_list(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > _MAX_PARTS:
        raise InvalidReply
    return value


def _check_text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        raise InvalidReply
    if not value.isprintable() and any(
        unicodedata.category(c) in _UNSAFE for c in value
    ):
        raise InvalidReply
    return value


def _check_int(value: object) -> int:
    # Not isinstance(): True is not a number here.
    if type(value) is not int or abs(value) >= _MAX_NUMBER:
        raise InvalidReply
    return value


def _check_float(value: object) -> float:
    if type(value) is int:
        return float(_check_int(value))
    if type(value) is not float or not math.isfinite(value):
        raise InvalidReply
    return value


def _check_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidReply
    return value


def _check_none(value: object) -> None:
    if value is not None:
        raise InvalidReply


def _check_track_texts(value: object) -> TrackTexts:
    # It checks and bounds each text itself.
    try:
        return TrackTexts.from_facts(value if isinstance(value, dict) else {})
    except ValueError:
        raise InvalidReply from None


_PLAIN: Final[dict[Any, _Check]] = {
    TrackTexts: _check_track_texts,
    str: _check_text,
    int: _check_int,
    float: _check_float,
    bool: _check_bool,
    type(None): _check_none,
}
