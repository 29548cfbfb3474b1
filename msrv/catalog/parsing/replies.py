"""Replies of the parser process, validated before they are used.

The process may have been taken over by the file that it parsed.
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

from msrv.catalog.metadata.cover_images import ArtworkFacts, NotAPicture
from msrv.catalog.metadata.tags import NotAudio, Tags
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
    """A value is none that the field may have; the text names the field."""


def parse_tags(answer: Message) -> Tags:
    """Return the tags in an answer.

    Raises NotAudio, OSError, BadValue and HelperEnded, as all of these do.
    """
    _raise_if_refused(answer, NotAudio)
    return Tags.from_facts(check_fields(Tags, answer.fields.get("tags")))


def parse_image_facts(answer: Message) -> ArtworkFacts:
    """Return the facts of a picture in an answer. Raises NotAPicture."""
    _raise_if_refused(answer, NotAPicture)
    facts = ArtworkFacts(
        **check_fields(ArtworkFacts, answer.fields.get("picture"))
    )
    if not (0 < facts.width <= _MAX_SIDE and 0 < facts.height <= _MAX_SIDE):
        raise InvalidReply("a picture's size")
    if not _COLOUR.fullmatch(facts.colour):
        raise InvalidReply("a colour")
    return facts


def parse_webp(answer: Message) -> bytes:
    """Return the WebP in an answer. Raises NotAPicture."""
    _raise_if_refused(answer, NotAPicture)
    if (answer.body[:4], answer.body[8:12]) != (b"RIFF", b"WEBP"):
        raise InvalidReply("a picture")
    return answer.body


def clean_message(said: object) -> str:
    """Return a helper's sentence as one line that can be shown."""
    return clean_line(str(said)[:1000], 300)


def _raise_if_refused(
    answer: Message, refused: Callable[[str], Exception]
) -> None:
    """Raise the error that a helper sent instead of an answer."""
    if "refused" in answer.fields:
        raise refused(clean_message(answer.fields["refused"]))
    if "unreadable" in answer.fields:
        raise OSError(None, clean_message(answer.fields["unreadable"]))
    if "memory" in answer.fields:
        raise ProcessEnded("takes too much memory to read", by_chance=False)


def check_fields(kind: type, said: object) -> dict[str, Any]:
    """Return what was said as arguments for a dataclass. Raises BadValue.

    Text is one line without control characters; numbers are finite; a
    field that isn't said keeps its default.
    """
    if not isinstance(said, dict):
        raise InvalidReply(f"no {kind.__name__}")
    checks = _checks(kind)
    found = {}
    for name, value in said.items():
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
    """Return what checks a value for a field of that type."""
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
    # Not isinstance(): True is no number.
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


_PLAIN: Final[dict[Any, _Check]] = {
    str: _check_text,
    int: _check_int,
    float: _check_float,
    bool: _check_bool,
    type(None): _check_none,
}
