# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""State of the library by release: what is offered, and what is wrong."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Catalog, Release
from msrv.catalog.search import fold_text
from msrv.ledger.db.reports.item_sales import ItemSales
from msrv.toml_file import Problem


class State(StrEnum):
    """State of a release."""

    OFFERED = "offered"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class CurrencySum:
    """Sum of sales in a currency."""

    currency: str
    sold: int
    sold_minor: int
    refunded: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """A release, and the problems of its files.

    `problems` have to be fixed. `waiting` are reasons to wait, which go by
    themselves: files that are still being uploaded.
    """

    release: Release
    problems: tuple[Problem, ...] = ()
    waiting: tuple[Problem, ...] = ()

    @property
    def state(self) -> State:
        """State of the release."""
        return State.HIDDEN if self.release.hidden else State.OFFERED


@dataclass(frozen=True, slots=True)
class LibraryState:
    """Releases of the library, and what concerns none of them yet.

    The latter are folders that aren't for sale, and the library's own files.
    """

    releases: tuple[ReleaseState, ...]
    problems: tuple[Problem, ...]
    waiting: tuple[Problem, ...]


def library_state(reading: LoadedLibrary) -> LibraryState:
    """Return the state of a loaded library, in the catalog's order."""
    by_folder = {each.folder: each for each in reading.catalog.releases}
    problems: dict[str, list[Problem]] = defaultdict(list)
    waiting: dict[str, list[Problem]] = defaultdict(list)
    for each in reading.problems:
        kind = waiting if each in reading.held else problems
        folder = next(
            (name for name in _parents(each.where) if name in by_folder), ""
        )
        kind[folder].append(each)
    releases = tuple(
        ReleaseState(
            each,
            tuple(problems.get(each.folder, ())),
            tuple(waiting.get(each.folder, ())),
        )
        for each in reading.catalog.releases
    )
    return LibraryState(
        releases, tuple(problems.get("", ())), tuple(waiting.get("", ()))
    )


def _parents(path: str) -> Iterator[str]:
    """Yield a path, the folder it is in, the one that is in, and so on."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def matches(release: Release, words: str) -> bool:
    """Return whether all words are in a release's title, artist or folder."""
    text = fold_text(f"{release.title} {release.artist} {release.folder}")
    return all(word in text for word in fold_text(words).split())


def sold_ids(catalog: Catalog, release: Release) -> dict[str, str]:
    """Return the ids that a release was sold under, with the present ones.

    Those of its items, extras and former parts, and the ids of before a
    rename.
    """
    own = {release.release_id}
    for each in (*release.items, *release.extras):
        own.add(each.item_id)
    for part in release.former:
        own.add(part.release_id if isinstance(part, Release) else part.item_id)
    found = {each: each for each in own}
    found |= {old: new for old, new in catalog.moved.items() if new in own}
    return found


def sum_by_currency(sales: list[ItemSales]) -> list[CurrencySum]:
    """Return the sums of some sales, by currency."""
    sums: dict[str, CurrencySum] = {}
    for each in sales:
        was = sums.get(each.currency) or CurrencySum(each.currency, 0, 0, 0, 0)
        sums[each.currency] = CurrencySum(
            each.currency,
            was.sold + each.sold,
            was.sold_minor + each.sold_minor,
            was.refunded + each.refunded,
            was.refunded_minor + each.refunded_minor,
        )
    return [sums[currency] for currency in sorted(sums)]
