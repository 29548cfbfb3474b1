# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Substring search over the titles, artists and tags of a catalog.

All texts are joined into one string: searching it for a word is one call of
the interpreter's own search, and a bisection finds the release that the text
belongs to. That takes milliseconds for a hundred thousand tracks.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from msrv.catalog.model import Catalog, Item, Release

_SEPARATOR: Final = "\x00"
_MAX_WORDS: Final = 16


@dataclass(frozen=True, slots=True)
class ReleaseMatch:
    """Release that matches a search, and those of its items that match.

    `items` is empty where the release's own title, artist and tags match.
    """

    release: Release
    items: tuple[Item, ...]


class SearchIndex:
    """Texts of a catalog, prepared once for any number of searches."""

    def __init__(self, catalog: Catalog) -> None:
        self._releases = catalog.offered
        self._texts = [
            _SEPARATOR.join(
                (_release_text(each), *map(_item_text, each.offered))
            )
            for each in self._releases
        ]
        self._starts = []
        at = 0
        for text in self._texts:
            self._starts.append(at)
            at += len(text) + 1
        self._all = _SEPARATOR.join(self._texts)

    def search(self, words: str) -> "SearchResults":
        """Return the releases that contain all words, in the store's order.

        Case and accents are ignored. Without words, there are no results.
        """
        wanted = tuple(dict.fromkeys(fold_text(words).split()))[:_MAX_WORDS]
        if not wanted:
            return SearchResults(self, wanted, [])
        # Counting costs a fraction of finding: find the rarest word, and
        # search only its texts for the others.
        rarest = min(wanted, key=self._all.count)
        return SearchResults(
            self,
            wanted,
            [
                number
                for number in self._numbers_of(rarest)
                if all(word in self._texts[number] for word in wanted)
            ],
        )

    def match(self, number: int, wanted: tuple[str, ...]) -> ReleaseMatch:
        """Return which of a release's items match."""
        release = self._releases[number]
        own, *texts = self._texts[number].split(_SEPARATOR)
        missing = [word for word in wanted if word not in own]
        if not missing:
            return ReleaseMatch(release, ())
        return ReleaseMatch(
            release,
            tuple(
                item
                for item, text in zip(release.offered, texts, strict=True)
                if all(word in text for word in missing)
            ),
        )

    def release_id(self, number: int) -> str:
        """Return the id of a release."""
        return self._releases[number].release_id

    def _numbers_of(self, word: str) -> list[int]:
        """Return the numbers of the releases whose text contains a word."""
        found = []
        at = self._all.find(word)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            found.append(number)
            after = self._starts[number] + len(self._texts[number])
            at = self._all.find(word, after)
        return found


class SearchResults:
    """Results of a search; a match is computed when it is accessed."""

    def __init__(
        self, index: SearchIndex, wanted: tuple[str, ...], numbers: list[int]
    ) -> None:
        self._index = index
        self._wanted = wanted
        self._numbers = numbers

    def among(self, releases: Iterable[Release]) -> Self:
        """Return the results that are some of these, in their order."""
        places = {each.release_id: at for at, each in enumerate(releases)}
        found = {
            places[release_id]: number
            for number in self._numbers
            if (release_id := self._index.release_id(number)) in places
        }
        numbers = [found[place] for place in sorted(found)]
        return type(self)(self._index, self._wanted, numbers)

    def __len__(self) -> int:
        """Return the number of matching releases."""
        return len(self._numbers)

    def __getitem__(self, part: slice) -> list[ReleaseMatch]:
        """Return a page of the matches, in the store's order."""
        return [
            self._index.match(number, self._wanted)
            for number in self._numbers[part]
        ]


def fold_text(text: str) -> str:
    """Return a text without case and accents: `Été` and `ete` are equal."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(
        c for c in plain if not unicodedata.combining(c) and c != _SEPARATOR
    )


def _release_text(release: Release) -> str:
    details = release.details
    words = (
        *(release.title, release.artist, details.label),
        *(details.catalog_number, *details.subjects),
    )
    return fold_text(" ".join(filter(None, words)))


def _item_text(item: Item) -> str:
    return fold_text(f"{item.title} {item.artist}")
