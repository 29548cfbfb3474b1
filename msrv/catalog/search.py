"""Finding releases and tracks by words, in a blink whatever their number.

All texts stand in one long string: looking for a word in it is one call of
the interpreter's own search, and a bisection tells whose text it was in.
"""

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from msrv.catalog.model import Catalog, Item, Release

_BETWEEN: Final = "\x00"
_MAX_WORDS: Final = 16


@dataclass(frozen=True, slots=True)
class ReleaseMatch:
    """A release that was found, and those of its items that match.

    `items` is empty where the release's own title and artist match.
    """

    release: Release
    items: tuple[Item, ...]


class SearchIndex:
    """The texts of a catalog, prepared once for any number of searches."""

    def __init__(self, catalog: Catalog) -> None:
        self._releases = catalog.offered
        self._texts = [
            _BETWEEN.join((_own(each), *map(_of_item, each.offered)))
            for each in self._releases
        ]
        self._starts = []
        at = 0
        for text in self._texts:
            self._starts.append(at)
            at += len(text) + 1
        self._all = _BETWEEN.join(self._texts)

    def search(self, words: str) -> "SearchResults":
        """Find the releases that hold all the words, in the store's order.

        Neither case nor accents count. No words find nothing.
        """
        wanted = tuple(dict.fromkeys(fold_text(words).split()))[:_MAX_WORDS]
        if not wanted:
            return SearchResults(self, wanted, [])
        # Counting is a fraction of finding: find the rarest word, and look
        # for the others only where it is.
        rarest = min(wanted, key=self._all.count)
        return SearchResults(
            self,
            wanted,
            [
                number
                for number in self._holding(rarest)
                if all(word in self._texts[number] for word in wanted)
            ],
        )

    def match(self, number: int, wanted: tuple[str, ...]) -> ReleaseMatch:
        """Say what of a release matches."""
        release = self._releases[number]
        own, *texts = self._texts[number].split(_BETWEEN)
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

    def _holding(self, word: str) -> list[int]:
        """Number the releases whose text holds a word."""
        found = []
        at = self._all.find(word)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            found.append(number)
            after = self._starts[number] + len(self._texts[number])
            at = self._all.find(word, after)
        return found


class SearchResults:
    """What a search found; a match is worked out when it is looked at."""

    def __init__(
        self, index: SearchIndex, wanted: tuple[str, ...], numbers: list[int]
    ) -> None:
        self._index = index
        self._wanted = wanted
        self._numbers = numbers

    def __len__(self) -> int:
        """Count the releases that were found."""
        return len(self._numbers)

    def __getitem__(self, part: slice) -> list[ReleaseMatch]:
        """Give some of the matches, in the store's order."""
        return [
            self._index.match(number, self._wanted)
            for number in self._numbers[part]
        ]


def fold_text(text: str) -> str:
    """Write a text without case and accents: `Été` and `ete` are the same."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(
        c for c in plain if not unicodedata.combining(c) and c != _BETWEEN
    )


def _own(release: Release) -> str:
    return fold_text(f"{release.title} {release.artist}")


def _of_item(item: Item) -> str:
    return fold_text(f"{item.title} {item.artist}")
