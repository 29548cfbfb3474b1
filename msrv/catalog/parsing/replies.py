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
from msrv.catalog.parsing.errors import HelperEnded
from msrv.catalog.parsing.messages import Frame
from msrv.display_text import clean_line

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_MAX_SIDE: Final = 1 << 20
_MAX_CHARS: Final = 4000
_MAX_PARTS: Final = 1000
_MAX_NUMBER: Final = 1 << 62
_UNSAFE: Final = frozenset({"Cc", "Cs"})

_Check = Callable[[object], object]


class BadValue(Exception):
    """A value is none that the field may have; the text names the field."""


def tags_of(answer: Frame) -> Tags:
    """Return the tags in an answer.

    Raises NotAudio, OSError, BadValue and HelperEnded, as all of these do.
    """
    _check(answer, NotAudio)
    return Tags.from_facts(checked(Tags, answer.fields.get("tags")))


def picture_of(answer: Frame) -> ArtworkFacts:
    """Return the facts of a picture in an answer. Raises NotAPicture."""
    _check(answer, NotAPicture)
    facts = ArtworkFacts(**checked(ArtworkFacts, answer.fields.get("picture")))
    if not (0 < facts.width <= _MAX_SIDE and 0 < facts.height <= _MAX_SIDE):
        raise BadValue("a picture's size")
    if not _COLOUR.fullmatch(facts.colour):
        raise BadValue("a colour")
    return facts


def webp_of(answer: Frame) -> bytes:
    """Return the WebP in an answer. Raises NotAPicture."""
    _check(answer, NotAPicture)
    if (answer.body[:4], answer.body[8:12]) != (b"RIFF", b"WEBP"):
        raise BadValue("a picture")
    return answer.body


def line_of(said: object) -> str:
    """Return a helper's sentence as one line that can be shown."""
    return clean_line(str(said)[:1000], 300)


def _check(answer: Frame, refused: Callable[[str], Exception]) -> None:
    """Raise the error that a helper sent instead of an answer."""
    if "refused" in answer.fields:
        raise refused(line_of(answer.fields["refused"]))
    if "unreadable" in answer.fields:
        raise OSError(None, line_of(answer.fields["unreadable"]))
    if "memory" in answer.fields:
        raise HelperEnded("takes too much memory to read", by_chance=False)


def checked(kind: type, said: object) -> dict[str, Any]:
    """Return what was said as arguments for a dataclass. Raises BadValue.

    Text is one line without control characters; numbers are finite; a
    field that isn't said keeps its default.
    """
    if not isinstance(said, dict):
        raise BadValue(f"no {kind.__name__}")
    checks = _checks(kind)
    found = {}
    for name, value in said.items():
        check = checks.get(name)
        if check is None:
            raise BadValue(f"no field {name[:40]!a}")
        try:
            found[name] = check(value)
        except BadValue:
            raise BadValue(f"no {name}") from None
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
        return lambda value: _any(options, value)
    origin = typing.get_origin(hint)
    if origin in {tuple, list}:
        part = _check_for(typing.get_args(hint)[0])
        return lambda value: origin(map(part, _parts(value)))
    return _PLAIN[hint]


def _any(options: list[_Check], value: object) -> object:
    for option in options:
        try:
            return option(value)
        except BadValue:
            continue
    raise BadValue


def _parts(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > _MAX_PARTS:
        raise BadValue
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        raise BadValue
    if not value.isprintable() and any(
        unicodedata.category(c) in _UNSAFE for c in value
    ):
        raise BadValue
    return value


def _whole(value: object) -> int:
    # Not isinstance(): True is no number.
    if type(value) is not int or abs(value) >= _MAX_NUMBER:
        raise BadValue
    return value


def _real(value: object) -> float:
    if type(value) is int:
        return float(_whole(value))
    if type(value) is not float or not math.isfinite(value):
        raise BadValue
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValue
    return value


def _nothing(value: object) -> None:
    if value is not None:
        raise BadValue


_PLAIN: Final[dict[Any, _Check]] = {
    str: _text,
    int: _whole,
    float: _real,
    bool: _truth,
    type(None): _nothing,
}
