# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Release of one folder, built from its files, tags and configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from msrv.catalog.config.fields import is_date
from msrv.catalog.config.release_config import ItemConfig, ReleaseConfig
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.details.collection import (
    FileFacts,
    collect_details,
    common_value,
    main_artist,
)
from msrv.catalog.documents.release_digest import release_digest
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.library.release_files import ReleaseFiles
from msrv.catalog.library.release_folders import (
    parse_names,
    path_in_release,
)
from msrv.catalog.library.release_prices import ReleasePrices
from msrv.catalog.library.track_formats import (
    TrackFile,
    group_by_track,
    number_sides,
)
from msrv.catalog.metadata.tags import Tags
from msrv.catalog.model import Item, ItemKind, Release
from msrv.catalog.names import ids
from msrv.catalog.names.disc_names import disc_number, without_disc
from msrv.catalog.names.extras import is_extra
from msrv.catalog.names.former_ids import find_former
from msrv.display_text import clean_line, normalize_nfc, printable
from msrv.money import Money
from msrv.storage.model import Content
from msrv.toml_file import Problem

_NO_CONFIG: Final = ItemConfig()


@dataclass(frozen=True, slots=True)
class BuiltRelease:
    """Result of building one folder's release.

    `source` is the input, the folder by its digest: while it is the same, so
    is the release. It is None if the folder has to be built again, and
    `is_whole` is False if the reason is an unreadable file. `unpriced` counts
    the items with the built-in price. `lines` are the lines of
    release.toml that pin an id, by the path that the id is for. `notes` inform
    the operator and need no action. `digest` is that of `release_digest`.
    With `is_price_stated`, the whole release's price is the seller's, and not
    a sum.
    """

    source: tuple[bytes, StoreConfig] | None
    release: Release | None
    problems: tuple[Problem, ...] = ()
    unpriced: int = 0
    is_whole: bool = True
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    digest: bytes = b""
    is_price_stated: bool = False


def build_release(
    index: FileIndex,
    folder: FoundFolder,
    config: ReleaseConfig,
    store: StoreConfig,
    unreadable: Mapping[str, Problem],
) -> BuiltRelease:
    """Return the release of a folder, built from index entries.

    `unreadable` are problems of files that can't be read now, by path.
    """
    files = ReleaseFiles(index, folder, unreadable)
    prices = ReleasePrices(config, store)
    if not store.is_known and not prices.are_stated:
        what = "is not offered until store.toml is fixed"
        return BuiltRelease(
            None, None, (Problem(printable(folder.path), None, what),)
        )
    builder = _Builder(folder, config, files, prices, store)
    items = builder.items()
    paths = [file.path for file in folder.files] if config.items else ()
    names = {normalize_nfc(path[len(folder.path) + 1 :]) for path in paths}
    for name in config.items:
        if normalize_nfc(name) not in names:
            files.add_problem(
                folder.config,
                f"configures {name!r}, which is not in the folder",
                config.line_of(("items", name)),
            )
    release = builder.release(items) if items else None
    return BuiltRelease(
        # An unreadable file may be readable the next time. The release is
        # built before, as building it reads its cover.
        (folder.digest, store) if files.is_whole and files.is_final else None,
        release,
        tuple(files.problems),
        builder.unpriced,
        files.is_whole,
        builder.lines,
        tuple(files.notes),
        release_digest(release) if release else b"",
        is_price_stated=config.price is not None,
    )


class _Builder:
    """One release being built."""

    def __init__(
        self,
        folder: FoundFolder,
        config: ReleaseConfig,
        files: ReleaseFiles,
        prices: ReleasePrices,
        store: StoreConfig,
    ) -> None:
        self._folder = folder
        self._config = config
        self._files = files
        self._prices = prices
        self._store = store
        self._item_configs = {
            normalize_nfc(name): own for name, own in config.items.items()
        }
        self._id = config.release_id or ids.release_id(folder.path)
        self._name = _name(folder.path)
        self._has_parts = any(
            "/" in path_in_release(folder, file) for file in folder.files
        )
        self._names = parse_names(folder)
        self._is_single = False
        self._facts = FileFacts()
        self._extras: list[Item] = []
        self._former: list[Item] = []
        self.unpriced = 0
        self.lines: dict[str, int] = {}
        if config.release_id is not None:
            self.lines[folder.path] = config.line_of(("id",))

    def items(self) -> list[Item]:
        """Return the items for sale, in the order of the record.

        Former items and extras are kept for `release`.
        """
        has_tracks = any(file.is_track for file in self._folder.files)
        track_files: list[TrackFile] = []
        others: list[tuple[FoundFile, Content, Tags]] = []
        extras: list[tuple[FoundFile, Content]] = []
        sold_count = 0
        for file in self._folder.files:
            is_extra = has_tracks and self._is_extra(file)
            if is_extra and not file.size_bytes:
                continue  # an empty log isn't worth a problem
            sold_count += not is_extra
            found = self._files.content(file)
            if found is None:
                continue
            content, facts = found
            if "tags" in facts:
                tags = Tags.from_facts(facts["tags"])
                self._facts.tags.append(tags)
                track_files.append(
                    TrackFile(file, content, tags, self._is_apart(file))
                )
            elif is_extra:
                extras.append((file, content))
            else:
                self._facts.others.append(facts)
                seconds = facts.get("duration_seconds")
                tags = Tags(duration_seconds=seconds)
                others.append((file, content, tags))
        tracks = group_by_track(number_sides(track_files))
        self._is_single = sold_count - len(track_files) + len(tracks) == 1
        items = [self._track(*track) for track in tracks]
        items += [self._item(*other) for other in others]
        items.sort(key=lambda each: each.place)
        self._extras = [
            replace(
                self._item(file, content, Tags()),
                price=Money(0, self._prices.currency),
                minimum=None,
                hidden=True,
            )
            for file, content in extras
        ]
        self.unpriced = sum(
            item.content.path in self._prices.unpriced for item in items
        )
        return items

    def _track(self, best: TrackFile, *others: TrackFile) -> Item:
        """Return the item of a track's files."""
        tags = best.tags
        if not tags.title:
            # A WAV often has no tags while the MP3 beside it does.
            tags = next((o.tags for o in others if o.tags.title), tags)
        for other in others:
            item = self._item(other.file, other.content, other.tags)
            self._former.append(replace(item, hidden=True))
        item = self._item(
            best.file,
            best.content,
            replace(tags, duration_seconds=best.tags.duration_seconds),
        )
        config, store = self._config, self._store
        formats = config.formats
        return replace(
            item,
            alternatives=tuple(other.content for other in others),
            sound=best.tags.sound,
            formats=store.formats if formats is None else formats,
            listening=config.listening(
                store.listen, self._config_of(best.file)
            ),
        )

    def _config_of(self, file: FoundFile) -> ItemConfig:
        """Return the configuration of a file in release.toml."""
        path = normalize_nfc(path_in_release(self._folder, file))
        return self._item_configs.get(path) or _NO_CONFIG

    def _is_extra(self, file: FoundFile) -> bool:
        """Return whether a file beside tracks isn't sold by itself."""
        own = self._config_of(file)
        if file.is_track or own.price is not None or own.minimum is not None:
            return False
        return (
            self._files.is_lyrics(file)
            or is_extra(file.name)
            or any(
                disc_number(name, self._name) is None
                for name in path_in_release(self._folder, file).split("/")[:-1]
            )
        )

    def _is_apart(self, file: FoundFile) -> bool:
        """Return whether release.toml configures a track's file by itself."""
        own = self._config_of(file)
        is_priced = own.price is not None or own.minimum is not None
        return own.hidden or is_priced

    def release(self, items: list[Item]) -> Release:
        """Return the release of these items."""
        config = self._config
        cover = self._files.cover()
        title = _first_text(
            config.title,
            self._album_title(),
            clean_line(self._name),
            "Untitled",
        )
        release = Release(
            release_id=self._id,
            folder=self._folder.path,
            title=title,
            artist=self._artist(),
            date=_first_text(config.date, self._date_in_tags()),
            description=config.description,
            price=Money(0, self._prices.currency),
            items=tuple(items),
            cover=cover,
            hidden=config.hidden,
            minimum=config.minimum,
            extras=tuple(self._extras),
            details=collect_details(config, items, self._facts),
            credits=config.credits,
            thanks=config.thanks,
            cover_alt=config.cover_alt,
        )
        return replace(
            release,
            price=self._prices.of_release(release.offered or release.items),
            former=(*self._former, *find_former(release, self._former)),
        )

    def _album_title(self) -> str:
        """Return the album title in the tags, one for all discs."""
        albums = [tags.album for tags in self._facts.tags]
        if self._has_parts:
            albums = [without_disc(album) for album in albums]
        return common_value(albums)

    def _date_in_tags(self) -> str:
        """Return the longest valid part of the tracks' common date, or ""."""
        text = common_value(tags.date for tags in self._facts.tags)
        return next((text[:n] for n in (10, 7, 4) if is_date(text[:n])), "")

    def _artist(self) -> str:
        if self._config.artist is not None:
            return self._config.artist
        agreed = common_value(tags.album_artist for tags in self._facts.tags)
        artists = [tags.artist for tags in self._facts.tags if tags.artist]
        if agreed or not artists:
            return agreed
        return main_artist(artists) or "Various artists"

    def _item(self, file: FoundFile, content: Content, tags: Tags) -> Item:
        own = self._config_of(file)
        path = path_in_release(self._folder, file)
        if own.item_id is not None:
            pin = ("items", path, "id")
            self.lines[file.path] = self._config.line_of(pin)
        name, is_track = self._names[file.path], file.is_track
        folder, _, _ = path.partition("/") if "/" in path else ("", "", "")
        price, minimum = self._prices.of_item(
            file.path, own, is_single=self._is_single
        )
        return Item(
            item_id=own.item_id or ids.item_id(self._id, path),
            release_id=self._id,
            kind=ItemKind.TRACK if is_track else ItemKind.FILE,
            title=_first_text(
                own.title, tags.title, clean_line(name.title), "Untitled"
            ),
            artist=_first_text(own.artist, tags.artist, self._config.artist),
            price=price,
            minimum=minimum,
            content=content,
            number=own.number
            or tags.number
            or (name.number if is_track else None),
            disc=disc_number(folder, self._name)
            or tags.disc
            or (name.disc if is_track else None),
            duration_seconds=tags.duration_seconds,
            hidden=own.hidden or self._config.hidden,
        )


def _first_text(*texts: str | None) -> str:
    return next(filter(None, texts), "")


def _name(folder: str) -> str:
    """Return a folder's own name."""
    return folder.rpartition("/")[2]
