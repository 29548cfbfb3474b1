# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Substring search over the titles, artists and tags of a catalog.

The distinct words of all texts are joined into one string, which is a fraction
of the texts. Searching it is one call of the interpreter's own search for each
word that contains the wanted one, and each word has the list of its releases.
"""

import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from msrv.catalog.model import Catalog, Item, Release
from msrv.catalog.names.transliteration import plain_punctuation

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
        self._releases_of: dict[str, array[int]] = {}
        for number, text in enumerate(self._texts):
            for word in set(text.replace(_SEPARATOR, " ").split()):
                self._releases_of.setdefault(word, array("L")).append(number)
        self._words = _SEPARATOR.join(["", *self._releases_of, ""])

    def search(self, words: str) -> "SearchResults":
        """Return the releases that contain all words, in the store's order.

        Case, accents and the form of quotes are ignored. Without words, there
        are no results.
        """
        wanted = tuple(dict.fromkeys(fold_text(words).split()))[:_MAX_WORDS]
        if not wanted:
            return SearchResults(self, wanted, [])
        numbers = set.intersection(*map(self._numbers_of, wanted))
        return SearchResults(self, wanted, sorted(numbers))

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

    def _numbers_of(self, part: str) -> set[int]:
        """Return the numbers of the releases with a word that contains it."""
        found: set[int] = set()
        at = self._words.find(part)
        while at >= 0 and len(found) < len(self._texts):
            start = self._words.rfind(_SEPARATOR, 0, at) + 1
            end = self._words.find(_SEPARATOR, at)
            found.update(self._releases_of[self._words[start:end]])
            at = self._words.find(part, end)
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
    """Return a text without case and accents: `Été` and `ete` are equal.

    Quotes and hyphens are those of a keyboard.
    """
    plain = plain_punctuation(unicodedata.normalize("NFKD", text.casefold()))
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
