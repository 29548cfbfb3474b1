"""Checking values that came as JSON against the fields of a dataclass."""

import dataclasses
import functools
import math
import types
import typing
import unicodedata
from collections.abc import Callable
from typing import Any, Final

_MAX_CHARS: Final = 4000
_MAX_PARTS: Final = 1000
_MAX_NUMBER: Final = 1 << 62
_UNSAFE: Final = frozenset({"Cc", "Cs"})

_Check = Callable[[object], object]


class BadValue(Exception):
    """A value is none that the field may have; the text names the field."""


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
        each.name: _check(hints[each.name])
        for each in dataclasses.fields(kind)
    }


def _check(hint: Any) -> _Check:  # noqa: ANN401 - a type
    """Return what checks a value for a field of that type."""
    if isinstance(hint, types.UnionType):
        options = [_check(each) for each in typing.get_args(hint)]
        return lambda value: _any(options, value)
    origin = typing.get_origin(hint)
    if origin in {tuple, list}:
        part = _check(typing.get_args(hint)[0])
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
