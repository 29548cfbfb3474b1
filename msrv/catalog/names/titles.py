# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parsing of titles and track numbers from file names.

A leading number is the track's number in one folder and part of the title in
another: `01 Departure` and `99 Luftballons`. The other names of the folder
decide. Apart from `release_builder`: it needs names alone.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

_NAME: Final = re.compile(
    r"(?:(?P<disc>[0-9]{1,2})-)?(?P<number>[0-9]{1,3})"
    r"(?P<between>[\s._)\]\u2013\u2014-]+)(?P<rest>\S.*)",
    re.DOTALL,
)
_NUMBER_ALONE: Final = re.compile(
    r"(?:(?P<disc>[0-9]{1,2})-)?(?P<number>[0-9]{1,3})"
)
# `1. Departure`, `1) Departure`, `1 - Departure`, and with `_` for blanks.
_SEPARATOR: Final = re.compile(
    r"[\s_]*(?:[.)\]]+|[\s_][-\u2013\u2014]+(?=[\s_]))[\s_]*-?[\s_]*"
)
_LAST_OF_DATE: Final = re.compile(r"[0-9]{2}(?:[0-9]{2})?(?![0-9])")
_HUNDREDS_AT_LEAST: Final = 3
"""Number of names from which on 101, 102, .. are a disc and tracks."""
_GAP_AT_MOST: Final = 3
"""Number of tracks that may be missing between two that exist."""


@dataclass(frozen=True, slots=True)
class NameParts:
    """Parts of a file's name, without its suffix."""

    title: str
    number: int | None = None
    disc: int | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A name with a leading number.

    `is_sure` is True if it is a track number whatever the other names are.
    """

    rest: str
    number: int
    disc: int
    is_sure: bool


def parse_file_names(names: Iterable[str]) -> Mapping[str, NameParts]:
    """Return the parts of the names of files of one folder and one kind."""
    stems = {name: os.path.splitext(name)[0] for name in names}
    found = {
        name: candidate
        for name, stem in stems.items()
        if (candidate := _parse_candidate(stem)) is not None
    }
    if len(found) == len(stems):
        found = _split_hundreds(found)
    discs: dict[int, dict[str, _Candidate]] = {}
    for name, candidate in found.items():
        discs.setdefault(candidate.disc, {})[name] = candidate
    numbered: set[str] = set()
    for candidates in discs.values():
        count = len(stems) if len(discs) == 1 else len(candidates)
        numbered |= _track_numbered(candidates, count)
    return {
        name: _parts(stem, found.get(name) if name in numbered else None)
        for name, stem in stems.items()
    }


def _split_hundreds(
    found: dict[str, _Candidate],
) -> dict[str, _Candidate]:
    """Return numbers like 101, 102 and 201 as those of a disc and a track.

    Each disc has to count from 1 without a gap, and the discs, too, unless
    the folder has one alone. Other numbers are returned as they are.
    """
    discs: dict[int, set[int]] = {}
    for each in found.values():
        disc, track = divmod(each.number, 100)
        discs.setdefault(disc, set()).add(track)
    counts = len(discs) == 1 or set(discs) == set(range(1, len(discs) + 1))
    if (
        not counts
        or min(discs, default=0) < 1
        or any(each.disc for each in found.values())
        or sum(map(len, discs.values())) < _HUNDREDS_AT_LEAST
        or any(each != set(range(1, len(each) + 1)) for each in discs.values())
    ):
        return found
    return {
        name: replace(
            each,
            disc=each.number // 100,
            number=each.number % 100,
            is_sure=True,
        )
        for name, each in found.items()
    }


def _parts(stem: str, candidate: _Candidate | None) -> NameParts:
    if candidate is None:
        return NameParts(stem)
    return NameParts(
        candidate.rest or stem,
        candidate.number or None,
        candidate.disc or None,
    )


def _parse_candidate(stem: str) -> _Candidate | None:
    """Return the parts of a name with a leading number, or None."""
    match = _NUMBER_ALONE.fullmatch(stem) or _NAME.fullmatch(stem)
    if match is None:
        return None
    groups = match.groupdict()
    between, rest = groups.get("between") or "", groups.get("rest") or ""
    # `3.5 Inches`, `24-7`, `50 50`: one number, or all of the title.
    if rest.isdigit() or (rest[:1].isdigit() and between == "."):
        return None
    # `20-01-15 Rain` and `01-02-2020 Live` begin with a date.
    has_two_digits = len(groups["disc"] or "") == 2
    if has_two_digits and between == "-" and _LAST_OF_DATE.match(rest):
        return None
    is_padded = len(groups["number"]) == 2 and groups["number"][0] == "0"
    is_separate = _SEPARATOR.fullmatch(between) is not None
    return _Candidate(
        rest,
        int(groups["number"]),
        int(groups["disc"] or 0),
        is_padded or (is_separate and not groups["disc"]),
    )


def _track_numbered(
    candidates: Mapping[str, _Candidate], count: int
) -> set[str]:
    """Return the names whose number is a track number.

    `count` is the number of all names. If some are sure, all are in case
    every name has a number, and otherwise those that continue the sure ones.
    If none is sure, names count that run from 1 without a gap, or of which
    all have a number and few numbers are missing.
    """
    numbers = {each.number for each in candidates.values() if each.is_sure}
    every = {each.number for each in candidates.values()}
    if not numbers:
        first = set(range(1, len(every) + 1))
        counts_up = every == first and 2 * len(candidates) >= count
        is_dense = (
            len(candidates) == count
            and count > 2
            and len(every) > 2
            and min(every) <= _GAP_AT_MOST
            and max(every) <= 2 * len(every)
        )
        if len(every) > 1 and (counts_up or is_dense):
            return set(candidates)
        return set()
    if len(candidates) == count:
        return set(candidates)
    highest = max(numbers)
    for number in sorted(every):
        if number - highest <= _GAP_AT_MOST:
            numbers.add(number)
            highest = max(highest, number)
    return {
        name for name, each in candidates.items() if each.number in numbers
    }
