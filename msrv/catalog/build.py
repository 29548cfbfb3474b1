"""One folder's release: its files, their tags, and what its seller says."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msrv import money
from msrv.catalog import ids
from msrv.catalog.config import (
    ItemConfig,
    ReleaseConfig,
    StoreConfig,
    is_date,
)
from msrv.catalog.index import Index
from msrv.catalog.media_types import media_type
from msrv.catalog.model import Artwork, Item, Kind, Release
from msrv.catalog.scan import FoundFile, FoundFolder
from msrv.catalog.tags import Tags
from msrv.catalog.text import clean, composed, shown
from msrv.money import Money
from msrv.problems import Problem
from msrv.storage.model import Content

_LEADING_NUMBER: Final = re.compile(r"(?:(\d{1,2})-)?(\d{1,3})[\s._-]")
_DIGITS: Final = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one folder.

    `source` is what it was made from: the same again gives the same again.
    None is made from nothing that will do, and `is_whole` says whether that
    is for a file that couldn't be read. `unpriced` counts the items that have
    the built-in price. `lines` are those that pin an id in release.toml, by
    the path of what they pin it for.
    """

    source: tuple[FoundFolder, StoreConfig] | None
    release: Release | None
    problems: tuple[Problem, ...] = ()
    unpriced: int = 0
    is_whole: bool = True
    lines: Mapping[str, int] = field(default_factory=dict)


def build(
    index: Index,
    folder: FoundFolder,
    described: ReleaseConfig,
    store: StoreConfig,
    unreadable: Mapping[str, Problem],
) -> Built:
    """Make the release of a folder, from what the index knows.

    `unreadable` are problems of files that can't be read now, by path.
    """
    maker = _Maker(index, folder, described, store, unreadable)
    if not store.is_known and not maker.is_priced:
        what = "is not offered until store.toml is mended"
        return Built(None, None, (Problem(shown(folder.path), None, what),))
    items = maker.items()
    names = {composed(file.name) for file in folder.files}
    for name in described.items:
        if composed(name) not in names:
            maker.complain(
                folder.config,
                f"speaks of {name!r}, which is not in the folder",
                described.line_of(("items", name)),
            )
    return Built(
        # Files that could not be read now may be readable the next time.
        (folder, store) if maker.is_whole else None,
        maker.release(items) if items else None,
        tuple(maker.problems),
        maker.unpriced,
        maker.is_whole,
        maker.lines,
    )


class _Maker:
    """One release being made."""

    def __init__(
        self,
        index: Index,
        folder: FoundFolder,
        described: ReleaseConfig,
        store: StoreConfig,
        unreadable: Mapping[str, Problem],
    ) -> None:
        self._index = index
        self._folder = folder
        self._described = described
        self._store = store
        self._unreadable = unreadable
        self._said = {
            composed(name): says for name, says in described.items.items()
        }
        self._currency = described.currency or store.shop.currency
        self._id = described.release_id or ids.release_id(folder.path)
        self._tags: list[Tags] = []
        self.problems: list[Problem] = []
        self.unpriced = 0
        self.is_whole = True
        self.lines: dict[str, int] = {}
        if described.release_id is not None:
            self.lines[folder.path] = described.line_of(("id",))

    @property
    def is_priced(self) -> bool:
        """Whether release.toml alone says what everything costs."""
        says = self._described
        return None not in {says.currency, says.price, says.item_price}

    def complain(
        self, file: FoundFile | None, what: str, line: int | None = None
    ) -> None:
        """Note a problem with a file of the folder."""
        path = file.path if file else self._folder.path
        self.problems.append(Problem(shown(path), line, what))

    def items(self) -> list[Item]:
        """Make the items, in the order of the record."""
        items = []
        for file in self._folder.files:
            found = self._content(file)
            if found is not None:
                items.append(self._item(file, *found))
        items.sort(key=_order)
        return items

    def release(self, items: list[Item]) -> Release:
        """Make the release that holds these items."""
        says = self._described
        name = self._folder.path.rpartition("/")[2]
        release = Release(
            release_id=self._id,
            folder=self._folder.path,
            title=says.title
            or _common(tags.album for tags in self._tags)
            or clean(name)
            or "Untitled",
            artist=self._artist(),
            date=says.date or _date(_common(tags.date for tags in self._tags)),
            description=says.description,
            price=Money(0, self._currency),
            items=tuple(items),
            artwork=self._artwork(),
            hidden=says.hidden,
            minimum=says.minimum,
        )
        return release.priced(says.price or self._sum(release))

    def _artist(self) -> str:
        if self._described.artist is not None:
            return self._described.artist
        agreed = _common(tags.album_artist for tags in self._tags)
        artists = {tags.artist for tags in self._tags if tags.artist}
        if agreed or len(artists) > 1:
            return agreed or "Various artists"
        return artists.pop() if artists else ""

    def _sum(self, release: Release) -> Money:
        """Price the whole: as the store says, and never above its parts."""
        items = release.offered or release.items
        total = sum(item.price.minor for item in items)
        usual = self._store.release_price
        if (
            usual is not None
            and usual.currency == self._currency
            and len(items) > 1
        ):
            total = min(total, usual.minor)
        return Money(total, self._currency)

    def _item(
        self, file: FoundFile, content: Content, facts: dict[str, Any]
    ) -> Item:
        says = self._said.get(composed(file.name), ItemConfig())
        if says.item_id is not None:
            pin = ("items", file.name, "id")
            self.lines[file.path] = self._described.line_of(pin)
        tags, number = Tags(), None
        if "tags" in facts:
            tags = Tags.from_facts(facts["tags"])
            self._tags.append(tags)
            number = _LEADING_NUMBER.match(file.name)
        price, minimum = self._price(says)
        return Item(
            item_id=says.item_id or ids.item_id(self._id, file.name),
            release_id=self._id,
            kind=Kind.TRACK if file.is_track else Kind.FILE,
            title=says.title
            or tags.title
            or clean(ids.stem_of(file.name))
            or "Untitled",
            artist=_first(says.artist, tags.artist, self._described.artist),
            price=price,
            minimum=minimum,
            content=content,
            number=says.number
            or tags.number
            or (int(number[2]) or None if number else None),
            disc=tags.disc
            or (int(number[1]) or None if number and number[1] else None),
            duration_seconds=tags.duration_seconds,
            hidden=says.hidden or self._described.hidden,
        )

    def _price(self, says: ItemConfig) -> tuple[Money, Money | None]:
        """Give an item's price, and the minimum where the buyer sets it."""
        whole = self._described
        # The whole of a single file is that file.
        alone = len(self._folder.files) == 1
        for price, minimum in (
            (says.price, says.minimum),
            (whole.item_price, whole.item_minimum),
            (whole.price if alone else None, whole.minimum),
            (self._store.item_price, None),
        ):
            if price is not None and price.currency == self._currency:
                return price, minimum
        self.unpriced += 1
        return default_price(self._currency), None

    def _content(
        self, file: FoundFile
    ) -> tuple[Content, dict[str, Any]] | None:
        """Give a file's bytes and facts; None where it can't be offered."""
        if not file.has_usual_size:
            self.complain(
                file,
                f"says that it has {file.size_bytes:,} bytes, and at most "
                "1 TiB can be offered; not offered",
            )
            return None
        known = self._index.find(file)
        if file.path in self._unreadable or known is None:
            if file.path in self._unreadable:
                self.problems.append(self._unreadable[file.path])
            self.is_whole = False
            return None
        facts = known.facts
        if "broken" in facts:
            then = "not shown" if file is self._folder.cover else "not offered"
            self.complain(file, f"{facts['broken']}; {then}")
            return None
        if not file.size_bytes:
            self.complain(file, "is empty; not offered")
            return None
        content = Content(
            file.path,
            known.identity,
            known.sha256,
            known.crc32,
            media_type(file.suffix),
        )
        return content, facts

    def _artwork(self) -> Artwork | None:
        file = self._folder.cover
        found = None if file is None else self._content(file)
        if found is None:
            return None
        content, facts = found
        return Artwork(
            content, facts["width"], facts["height"], facts["colour"]
        )


def default_price(currency: str) -> Money:
    """Give what an item costs where nobody has said so: never nothing.

    One of the currency, or a hundred where that has no smaller part.
    """
    return Money(max(100, 10 ** money.exponent_of(currency)), currency)


def _first(*texts: str | None) -> str:
    return next(filter(None, texts), "")


def _common(values: Iterable[str]) -> str:
    """Give what all of them say, where they agree."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def _date(text: str) -> str:
    """Keep of a tag's date what there is in the calendar."""
    return next((text[:n] for n in (10, 7, 4) if is_date(text[:n])), "")


def _order(item: Item) -> tuple[object, ...]:
    """Sort as on the record: disc, number, then names as people count."""
    natural = [
        (0, int(part), "") if number % 2 else (1, 0, part.casefold())
        for number, part in enumerate(_DIGITS.split(item.file_name))
    ]
    is_file = item.kind is Kind.FILE
    return (is_file, item.disc or 1, item.number or 10_000, natural)
