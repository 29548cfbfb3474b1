# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Aliases: former ids of items and releases that were renamed or moved.

A file or folder with another name has another id, but links and receipts
have the old one. So an old id is resolved by content: a file by its SHA-256,
a release by its items. It leads to the same work, or to nothing.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from msrv.catalog.id_history import IdHistory, IdRecord
from msrv.catalog.model import Catalog, Item, ItemKind, Release
from msrv.catalog.names.id_records import (
    AliasState,
    ExchangedFile,
    compare_all,
    compare_changes,
)
from msrv.display_text import printable
from msrv.toml_file import Problem

_MAX_RETAG_MS: Final = 50
"""Greatest difference of a track's lengths before and after retagging."""


@dataclass(frozen=True, slots=True)
class AliasedCatalog:
    """Catalog with aliases, and the notes and problems about them.

    `state` is None if the records couldn't be written.
    """

    catalog: Catalog
    state: AliasState | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def add_aliases(
    history: IdHistory,
    catalog: Catalog,
    *,
    is_settled: bool,
    before: AliasState | None = None,
    pinned: Collection[str] = (),
    clock: Callable[[], float] = time.time,
) -> AliasedCatalog:
    """Return a catalog that also has its former ids; record its present ids.

    With `is_settled`, nothing in the library is being changed: only then is
    a sold item that can't be found a problem. After `before`, only entries
    that are others since are compared with their records. `pinned` are the
    paths of files whose ids release.toml sets. Blocks.
    """
    now_ms = int(clock() * 1000)
    revision = history.revision
    if before is None or before.revision != revision:
        ids = compare_all(history, catalog, now_ms, pinned)
    else:
        ids = compare_changes(history, catalog, now_ms, before, pinned)
    finder = _AliasFinder(catalog, ids.missing)
    finder.find_all()
    new = [*ids.new, *finder.updates(now_ms)]
    is_saved = history.save(
        new, ids.missing.keys() - {each.item_id for each in new}
    )
    followed = finder.catalog()
    exchanged = frozenset(each.record.item_id for each in ids.exchanged)
    problems = (
        *_problems(finder, ids.sold),
        *map(_exchanged_problem, ids.exchanged),
    )
    return AliasedCatalog(
        followed,
        AliasState(followed.by_id, frozenset(ids.missing), revision, exchanged)
        if is_saved
        else None,
        tuple(_notes(finder, ids.sold)),
        problems if is_settled else (),
    )


class _AliasFinder:
    """Resolver of the ids that a catalog doesn't offer any more."""

    def __init__(self, catalog: Catalog, missing: dict[str, IdRecord]) -> None:
        self._catalog = catalog
        self.missing = missing
        self._homes: dict[str, Release] = {}
        self._by_sha256: dict[bytes, list[Item]] = {}
        wanted = {record.sha256 for record in missing.values()}
        for release in catalog.releases if missing else ():
            others = (each for each in release.former if _is_item(each))
            for item in (*release.items, *release.extras, *others):
                assert isinstance(item, Item)  # noqa: S101 - by _is_item
                self._homes[item.item_id] = release
                if item.content.sha256 in wanted:
                    self._by_sha256.setdefault(item.content.sha256, []).append(
                        item
                    )
        self.found: dict[str, Item | Release] = {}
        self.moved: dict[str, str] = {}
        self._held_by: dict[str, list[str]] = {}

    def find_all(self) -> None:
        """Resolve all ids; items first, since releases consist of them."""
        for record in self.missing.values():
            if record.kind in {ItemKind.TRACK, ItemKind.FILE}:
                self._find_item(record)
        for record in self.missing.values():
            if record.kind == ItemKind.RELEASE:
                self._find_release(record)

    def _find_item(self, record: IdRecord) -> None:
        same = self._by_sha256.get(record.sha256, [])
        target = min(
            same, key=lambda item: self._distance(record, item), default=None
        )
        if target is None:
            target = self._retagged(record)
        if target is None:
            return
        self.moved[record.item_id] = target.item_id
        self.found[record.item_id] = replace(
            target,
            item_id=record.item_id,
            release_id=record.release_id,
            hidden=True,
            alternatives=(),
        )

    def _distance(self, record: IdRecord, item: Item) -> tuple[object, ...]:
        """Return a sort key: of copies, the likeliest place comes first."""
        home = self._homes[item.item_id]
        return (
            _name(record.path) != item.file_name,
            home.release_id != record.release_id,
            home.title != record.release_title,
            item.content.path,
        )

    def _retagged(self, record: IdRecord) -> Item | None:
        """Return a track whose tags were changed after it was moved.

        Its bytes are different then, but it is still the file of the id that
        it was found under before, with the same duration.
        """
        item = self._catalog.by_id.get(record.moved_to)
        if (
            not isinstance(item, Item)
            or item.kind != record.kind
            or item.duration_seconds is None
            or record.duration_ms is None
            or _suffix(record.path) != _suffix(item.content.path)
        ):
            return None
        length_ms = round(item.duration_seconds * 1000)
        same = abs(length_ms - record.duration_ms) <= _MAX_RETAG_MS
        return item if same else None

    def _find_release(self, record: IdRecord) -> None:
        """Resolve a release by its items: to another one, or to just those.

        More than half of its items have to exist. Another release is the same
        work if more than half of its own items were in this one, too.
        """
        items = [
            item
            for member in record.members
            if (item := self._item(member)) is not None
        ]
        if 2 * len(items) <= len(record.members):
            return
        homes = Counter(
            home.release_id
            for item in items
            if (home := self._home_of(item.item_id)) is not None
        )
        ((best, count),) = homes.most_common(1) or (("", 0),)
        other = self._catalog.releases_by_id.get(best)
        if (
            other is not None
            and 2 * count > len(record.members)
            and 2 * count > len(other.items)
        ):
            self.moved[record.item_id] = other.release_id
            release = replace(
                other, release_id=record.item_id, hidden=True, former=()
            )
        else:
            release = _release_of(record, items)
        self.found[record.item_id] = release
        for item in (*release.items, *release.extras):
            self._held_by.setdefault(item.item_id, []).append(record.item_id)

    def _item(self, item_id: str) -> Item | None:
        entry = self._catalog.by_id.get(item_id) or self.found.get(item_id)
        return entry if isinstance(entry, Item) else None

    def _home_of(self, item_id: str) -> Release | None:
        return self._homes.get(self.moved.get(item_id, item_id))

    def updates(self, now_ms: int) -> list[IdRecord]:
        """Return new records for the ids that are found elsewhere now."""
        updates = []
        for item_id, target in self.moved.items():
            record, entry = self.missing[item_id], self.found[item_id]
            fresh = record._replace(moved_to=target)
            if isinstance(entry, Item):
                fresh = fresh._replace(sha256=entry.content.sha256)
            if fresh.sha256 != record.sha256:
                fresh = fresh._replace(changed_at_ms=now_ms)
            if fresh != record:
                updates.append(fresh)
        return updates

    def catalog(self) -> Catalog:
        """Return the catalog with all aliases, and the titles of the rest."""
        gone = {
            item_id: record.title
            for item_id, record in self.missing.items()
            if item_id not in self.found
        }
        if not self.missing:
            return self._catalog
        text = repr((self._catalog.version, sorted(self.moved.items())))
        digest = hashlib.sha256(text.encode()).hexdigest()
        version = self._catalog.version
        held_by = self._catalog.held_by
        return replace(
            self._catalog,
            version=digest[: len(version)] if self.found else version,
            by_id={**self._catalog.by_id, **self.found},
            moved={**self._catalog.moved, **self.moved},
            held_by={
                **held_by,
                **{
                    item_id: (*held_by.get(item_id, ()), *ids)
                    for item_id, ids in self._held_by.items()
                },
            },
            gone=gone,
        )


def _release_of(record: IdRecord, items: Iterable[Item]) -> Release:
    """Return a release of items that are in several releases now."""
    items = tuple(items)
    return Release(
        release_id=record.item_id,
        folder=record.path,
        title=record.title,
        artist="",
        date="",
        description="",
        price=replace(items[0].price, minor=0),
        items=items,
        hidden=True,
    )


def _notes(finder: _AliasFinder, sold: set[str]) -> list[str]:
    """Return notes on the new places of sold items and releases."""
    places: dict[tuple[str, str], list[str]] = {}
    for item_id in sorted(sold & finder.moved.keys()):
        record, entry = finder.missing[item_id], finder.found[item_id]
        old, new = record.path, _path(entry)
        if isinstance(entry, Item) and _name(old) == _name(new):
            old, new = old.rpartition("/")[0], new.rpartition("/")[0]
        places.setdefault((old, new), []).append(item_id)
    return [
        f"{printable(old)} was renamed or moved to {printable(new)}: "
        f"purchases of {_listed(ids)} are delivered from there"
        for (old, new), ids in sorted(places.items())
    ]


def _problems(finder: _AliasFinder, sold: set[str]) -> list[Problem]:
    """Return a problem for each sold id that can't be found."""
    problems = []
    for item_id, record in finder.missing.items():
        if item_id in finder.found:
            continue
        title = printable(record.title)
        if item_id in sold:
            what = f"was sold as {item_id} ({title})"
        elif record.release_id in sold and (
            record.release_id not in finder.missing
        ):
            what = f"was sold with {record.release_id} ({title})"
        else:
            continue
        what += (
            " but is no longer in the library: its buyers can't download it"
        )
        problems.append(Problem(printable(record.path) or item_id, None, what))
    return problems


def _exchanged_problem(file: ExchangedFile) -> Problem:
    """Return the problem of a sold id that is another file's now."""
    what = (
        f"has the id {file.record.item_id!r}, under which what is now "
        f"{printable(file.sold_path)} was sold: its buyers get the wrong file "
        "until release.toml sets the 'id' of both"
    )
    return Problem(printable(file.path), None, what)


def _listed(ids: list[str]) -> str:
    few = ", ".join(ids[:3])
    return few if len(ids) <= 3 else f"{few} and {len(ids) - 3} more"


def _path(entry: Item | Release) -> str:
    return entry.folder if isinstance(entry, Release) else entry.content.path


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _suffix(path: str) -> str:
    return _name(path).rpartition(".")[2].lower()


def _is_item(entry: Item | Release) -> bool:
    return isinstance(entry, Item)
