# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Details of a release, as a value: its kind, its tags, and what describes it.

Apart from the model for the sake of reading, and because the configuration
states some of them.
"""

from dataclasses import dataclass
from enum import StrEnum


class ReleaseKind(StrEnum):
    """Kind of a release, as shops and libraries name it.

    The members are in the order in which filters list them. `OTHER` is a
    release of files that are none of the others.
    """

    ALBUM = "album"
    EP = "ep"
    SINGLE = "single"
    SAMPLE_PACK = "sample-pack"
    BOOK = "book"
    VIDEO = "video"
    SOFTWARE = "software"
    OTHER = "other"

    @property
    def is_music(self) -> bool:
        """True for a record: an album, an EP or a single."""
        return self in {self.ALBUM, self.EP, self.SINGLE}


@dataclass(frozen=True, slots=True)
class Tempo:
    """Range of tempos in beats per minute, both ends included."""

    lowest: int
    highest: int

    def __str__(self) -> str:
        """Return the range as it is written: `120` or `90` to `140`."""
        if self.lowest == self.highest:
            return str(self.lowest)
        return f"{self.lowest}–{self.highest}"  # noqa: RUF001 - a dash


@dataclass(frozen=True, slots=True)
class ReleaseDetails:
    """Details of a release; those that aren't known are empty or None.

    `genres` come from the seller or from the files, `tags` from the seller.
    `duration_seconds` is the length of its tracks or videos together.
    `key` is a musical key, `language` a tag by BCP 47, and `licence` the
    terms in the seller's words.
    """

    kind: ReleaseKind = ReleaseKind.OTHER
    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    label: str = ""
    catalog_number: str = ""
    isbn: str = ""
    language: str = ""
    licence: str = ""
    version: str = ""
    platforms: tuple[str, ...] = ()
    key: str = ""
    tempo: Tempo | None = None
    page_count: int | None = None
    duration_seconds: float | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The genres, then the tags, each once."""
        return tuple(dict.fromkeys((*self.genres, *self.tags)))
