# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of a release's details in `release.toml`: kind, tags, tempo.

Apart from the other types, whose rules are about ids, prices and dates.
"""

import re
from typing import Annotated, Final

from pydantic import Field, PlainValidator

from msrv.catalog.details.release_details import ReleaseKind, Tempo
from msrv.catalog.names.ids import tag_slug
from msrv.display_text import clean_line
from msrv.toml_file import requirement

_KINDS: Final = {each.value: each for each in ReleaseKind}
_MAX_TAGS: Final = 20
_MAX_TAG_CHARS: Final = 60
_MAX_PAGES: Final = 100_000
_MIN_TEMPO, _MAX_TEMPO = 1, 999
_TEMPO: Final = re.compile(r"([0-9]{1,3})(?:\s*[-\u2013]\s*([0-9]{1,3}))?")


def _checked_kind(value: object) -> ReleaseKind:
    name = re.sub(r"[\s_]+", "-", str(value).strip().lower())
    if not isinstance(value, str) or name not in _KINDS:
        names = ", ".join(repr(each) for each in _KINDS)
        raise ValueError(f"must be one of {names}")
    return _KINDS[name]


def _checked_names(value: object) -> tuple[str, ...]:
    """Return names, each once. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError("must be a list of names, like ['dub', 'live']")
    if len(value) > _MAX_TAGS:
        raise ValueError(f"can have up to {_MAX_TAGS} names")
    names: dict[str, str] = {}
    for each in value:
        name = clean_line(each) if isinstance(each, str) else ""
        if not any(map(str.isalnum, name)) or len(name) > _MAX_TAG_CHARS:
            raise ValueError(
                f"must be a list of names of up to {_MAX_TAG_CHARS} "
                f"characters, and {str(each)[:_MAX_TAG_CHARS]!r} is not one"
            )
        names.setdefault(tag_slug(name), name)
    return tuple(names.values())


def _checked_tempo(value: object) -> Tempo:
    match = _TEMPO.fullmatch(str(value).strip())
    if type(value) in {str, int} and match:
        lowest = int(match[1])
        highest = int(match[2] or lowest)
        if _MIN_TEMPO <= lowest <= highest <= _MAX_TEMPO:
            return Tempo(lowest, highest)
    raise ValueError("must be beats per minute, like 120 or '90-140'")


def _checked_isbn(value: object) -> str:
    """Return an ISBN as it was written, with a correct check digit."""
    digits = re.sub(r"[\s-]", "", value) if isinstance(value, str) else ""
    if isinstance(value, str) and _is_isbn(digits.upper()):
        return clean_line(value)
    raise ValueError("must be an ISBN, like '978-3-16-148410-0'")


def _is_isbn(digits: str) -> bool:
    if re.fullmatch(r"[0-9]{13}", digits):
        weights = [1, 3] * 6 + [1]
        return _weighted(digits, weights) % 10 == 0
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        return _weighted(digits, range(10, 0, -1)) % 11 == 0
    return False


def _weighted(digits: str, weights: list[int] | range) -> int:
    values = [10 if each == "X" else int(each) for each in digits]
    return sum(a * b for a, b in zip(values, weights, strict=True))


Kind = Annotated[ReleaseKind, PlainValidator(_checked_kind)]
Names = Annotated[tuple[str, ...], PlainValidator(_checked_names)]
TempoRange = Annotated[Tempo, PlainValidator(_checked_tempo)]
Isbn = Annotated[str, PlainValidator(_checked_isbn)]
LanguageTag = Annotated[
    str,
    Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$"),
    requirement("must be a language tag, like 'ja' or 'pt-BR'"),
]
PageCount = Annotated[
    int,
    Field(ge=1, le=_MAX_PAGES),
    requirement("must be a number of pages: 1 or more"),
]
