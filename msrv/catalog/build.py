"""One folder's release: its files, their tags, and what its seller says."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from msrv import money
from msrv.catalog import ids
from msrv.catalog.config import (
    ItemConfig,
    ReleaseConfig,
    StoreConfig,
    is_date,
)
from msrv.catalog.discs import disc_number, inner_path, without_disc
from msrv.catalog.embedded_covers import find_embedded_cover
from msrv.catalog.extras import is_extra
from msrv.catalog.formats import Sound, by_track
from msrv.catalog.index import STOPS_PARSER, Index, Known
from msrv.catalog.media_types import media_type
from msrv.catalog.model import Artwork, Item, Kind, Release
from msrv.catalog.scan import FoundFile, FoundFolder
from msrv.catalog.tags import Tags
from msrv.catalog.text import clean, composed, folded_name, shown
from msrv.catalog.titles import NameParts, name_parts
from msrv.money import Money
from msrv.problems import Problem
from msrv.storage.model import Content

_DIGITS: Final = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one folder.

    `source` is what it was made from: the same again gives the same again.
    None is made from nothing that will do, and `is_whole` says whether that
    is for a file that couldn't be read. `unpriced` counts the items that have
    the built-in price. `lines` are those that pin an id in release.toml, by
    the path of what they pin it for. `notes` are to be known, and not mended.
    """

    source: tuple[FoundFolder, StoreConfig] | None
    release: Release | None
    problems: tuple[Problem, ...] = ()
    unpriced: int = 0
    is_whole: bool = True
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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
    names = {composed(inner_path(folder, file)) for file in folder.files}
    for name in described.items:
        if composed(name) not in names:
            maker.complain(
                folder.config,
                f"speaks of {name!r}, which is not in the folder",
                described.line_of(("items", name)),
            )
    release = maker.release(items) if items else None
    return Built(
        # Files that could not be read now may be readable the next time. The
        # release is made first, which looks at its cover.
        (folder, store) if maker.is_whole and maker.is_final else None,
        release,
        tuple(maker.problems),
        maker.unpriced,
        maker.is_whole,
        maker.lines,
        tuple(maker.notes),
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
        self._name = _name(folder.path)
        self._has_parts = any(
            "/" in inner_path(folder, file) for file in folder.files
        )
        self._names = _names(folder)
        self._is_single = False
        self._tags: list[Tags] = []
        self._extras: list[Item] = []
        self._former: list[Item] = []
        self._unpriced: set[str] = set()
        self.problems: list[Problem] = []
        self.unpriced = 0
        self.is_whole = True
        self.is_final = True  # no file of it may be parsed again
        self.lines: dict[str, int] = {}
        self.notes: list[str] = []
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
        """Make the items, in the order of the record.

        What is not for sale any more, or never was, is kept for `release`.
        """
        has_tracks = any(file.is_track for file in self._folder.files)
        sounds: list[Sound] = []
        others: list[tuple[FoundFile, Content]] = []
        extras: list[tuple[FoundFile, Content]] = []
        wares = 0
        for file in self._folder.files:
            is_extra = has_tracks and self._is_extra(file)
            if is_extra and not file.size_bytes:
                continue  # an empty log is nobody's problem
            wares += not is_extra
            found = self._content(file)
            if found is None:
                continue
            content, facts = found
            if "tags" in facts:
                tags = Tags.from_facts(facts["tags"])
                self._tags.append(tags)
                sounds.append(Sound(file, content, tags, self._is_apart(file)))
            else:
                (extras if is_extra else others).append((file, content))
        tracks = by_track(sounds)
        self._is_single = wares - len(sounds) + len(tracks) == 1
        items = [self._track(*track) for track in tracks]
        items += [
            self._item(file, content, Tags()) for file, content in others
        ]
        items.sort(key=_order)
        self._extras = [
            replace(
                self._item(file, content, Tags()),
                price=Money(0, self._currency),
                minimum=None,
                hidden=True,
            )
            for file, content in extras
        ]
        self.unpriced = sum(
            item.content.path in self._unpriced for item in items
        )
        return items

    def _track(self, best: Sound, *others: Sound) -> Item:
        """Make one item of a track's files."""
        tags = best.tags
        if not tags.title:
            # A WAV has no tags as often as not, and the MP3 beside it does.
            tags = next((o.tags for o in others if o.tags.title), tags)
        for other in others:
            item = self._item(other.file, other.content, other.tags)
            self._former.append(replace(item, hidden=True))
        item = self._item(
            best.file,
            best.content,
            replace(tags, duration_seconds=best.tags.duration_seconds),
        )
        return replace(
            item, alternatives=tuple(other.content for other in others)
        )

    def _says(self, file: FoundFile) -> ItemConfig:
        """Give what release.toml says of a file."""
        path = composed(inner_path(self._folder, file))
        return self._said.get(path) or ItemConfig()

    def _is_extra(self, file: FoundFile) -> bool:
        """Whether a file beside tracks comes with the release unpriced."""
        says = self._says(file)
        if file.is_track or says.price is not None or says.minimum is not None:
            return False
        return is_extra(file.name) or any(
            disc_number(name, self._name) is None
            for name in inner_path(self._folder, file).split("/")[:-1]
        )

    def _is_apart(self, file: FoundFile) -> bool:
        """Whether release.toml has a track's file for sale by itself."""
        says = self._says(file)
        is_priced = says.price is not None or says.minimum is not None
        return says.hidden or is_priced

    def release(self, items: list[Item]) -> Release:
        """Make the release that holds these items."""
        says = self._described
        artwork = self._artwork()
        title = says.title or self._album() or clean(self._name) or "Untitled"
        release = Release(
            release_id=self._id,
            folder=self._folder.path,
            title=title,
            artist=self._artist(),
            date=says.date or _date(_common(tags.date for tags in self._tags)),
            description=says.description,
            price=Money(0, self._currency),
            items=tuple(items),
            artwork=artwork,
            hidden=says.hidden,
            minimum=says.minimum,
            extras=tuple(self._extras),
        )
        release = replace(release, former=self._former_of(release))
        return release.priced(says.price or self._sum(release))

    def _album(self) -> str:
        """Give the album in the tags, for all discs together."""
        albums = [tags.album for tags in self._tags]
        if self._has_parts:
            albums = [without_disc(album) for album in albums]
        return _common(albums)

    def _artist(self) -> str:
        if self._described.artist is not None:
            return self._described.artist
        agreed = _common(tags.album_artist for tags in self._tags)
        artists = [tags.artist for tags in self._tags if tags.artist]
        if agreed or not artists:
            return agreed
        return _common(artists) or "Various artists"

    def _former_of(self, release: Release) -> tuple[Item | Release, ...]:
        """Give what was sold before folders were put together.

        Each disc and each folder of scans was a release, with ids of its own.
        Whoever bought it gets what was in it.
        """
        parts: dict[str, list[Item]] = {}
        for item in (*release.items, *release.extras, *self._former):
            folder = item.content.path.rpartition("/")[0]
            if folder == release.folder or not isinstance(item, Item):
                continue
            old_id = ids.release_id(folder)
            parts.setdefault(folder, []).append(
                replace(
                    item,
                    item_id=ids.item_id(old_id, item.file_name),
                    release_id=old_id,
                    hidden=True,
                )
            )
        return (
            *self._former,
            *(
                Release(
                    release_id=ids.release_id(folder),
                    folder=folder,
                    title=f"{release.title} ({clean(_name(folder))})",
                    artist=release.artist,
                    date=release.date,
                    description="",
                    price=Money(
                        sum(item.price.minor for item in items),
                        self._currency,
                    ),
                    items=tuple(items),
                    hidden=True,
                )
                for folder, items in parts.items()
            ),
        )

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

    def _item(self, file: FoundFile, content: Content, tags: Tags) -> Item:
        says = self._says(file)
        path = inner_path(self._folder, file)
        if says.item_id is not None:
            pin = ("items", path, "id")
            self.lines[file.path] = self._described.line_of(pin)
        name = self._names[file.path]
        folder, _, _ = path.partition("/") if "/" in path else ("", "", "")
        price, minimum = self._price(file, says)
        return Item(
            item_id=says.item_id or ids.item_id(self._id, path),
            release_id=self._id,
            kind=Kind.TRACK if file.is_track else Kind.FILE,
            title=says.title or tags.title or clean(name.title) or "Untitled",
            artist=_first(says.artist, tags.artist, self._described.artist),
            price=price,
            minimum=minimum,
            content=content,
            number=says.number
            or tags.number
            or (name.number if file.is_track else None),
            disc=disc_number(folder, self._name)
            or tags.disc
            or (name.disc if file.is_track else None),
            duration_seconds=tags.duration_seconds,
            hidden=says.hidden or self._described.hidden,
        )

    def _price(
        self, file: FoundFile, says: ItemConfig
    ) -> tuple[Money, Money | None]:
        """Give an item's price, and the minimum where the buyer sets it."""
        whole = self._described
        # The whole of a single file is that file.
        alone = self._is_single
        for price, minimum in (
            (says.price, says.minimum),
            (whole.item_price, whole.item_minimum),
            (whole.price if alone else None, whole.minimum),
            (self._store.item_price, None),
        ):
            if price is not None and price.currency == self._currency:
                return price, minimum
        self._unpriced.add(file.path)
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
            self.is_final = self.is_final and STOPS_PARSER not in facts
            then = "not shown" if file is self._folder.cover else "not offered"
            self.complain(file, f"{facts['broken']}; {then}")
            return None
        if not file.size_bytes:
            self.complain(file, "is empty; not offered")
            return None
        content = _content_of(file, known, facts)
        self.notes += [
            f"{shown(file.path)} {note}" for note in facts.get("notes", ())
        ]
        return content, facts

    def _artwork(self) -> Artwork | None:
        file = self._folder.cover
        if file is None:
            return self._embedded_artwork()
        found = self._content(file)
        if found is None:
            return None
        content, facts = found
        return Artwork(
            content, facts["width"], facts["height"], facts["colour"]
        )

    def _embedded_artwork(self) -> Artwork | None:
        """Show the picture in a track where no file is the cover."""
        found = find_embedded_cover(self._index, self._folder)
        if found is None or found.file.path in self._unreadable:
            return None
        content = _content_of(found.file, found.known, found.known.facts)
        return Artwork(content, **found.art, is_embedded=True)


def _content_of(
    file: FoundFile, known: Known, facts: dict[str, Any]
) -> Content:
    return Content(
        file.path,
        known.identity,
        known.sha256,
        known.crc32,
        facts.get("media_type") or media_type(file.suffix),
    )


def default_price(currency: str) -> Money:
    """Give what an item costs where nobody has said so: never nothing.

    One of the currency, or a hundred where that has no smaller part.
    """
    return Money(max(100, 10 ** money.exponent_of(currency)), currency)


def _first(*texts: str | None) -> str:
    return next(filter(None, texts), "")


def _common(values: Iterable[str]) -> str:
    """Give what all of them say, where they agree but for the spelling.

    Of several spellings the one that is there most often, or first.
    """
    counted = Counter(values)
    if len({folded_name(value) for value in counted}) != 1:
        return ""
    return counted.most_common(1)[0][0]


def _names(folder: FoundFolder) -> dict[str, NameParts]:
    """Read the names of all files, those beside each other together."""
    groups: dict[tuple[str, bool], list[FoundFile]] = {}
    for file in folder.files:
        key = file.path.rpartition("/")[0], file.is_track
        groups.setdefault(key, []).append(file)
    found: dict[str, NameParts] = {}
    for files in groups.values():
        parts = name_parts(file.name for file in files)
        found |= {file.path: parts[file.name] for file in files}
    return found


def _name(folder: str) -> str:
    """Give a folder's own name."""
    return folder.rpartition("/")[2]


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
