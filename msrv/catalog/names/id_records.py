# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Records of a catalog's ids: new ones, and those of ids that it misses.

Apart from `aliases`, which finds what the missing ids are now.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from msrv.catalog.id_history import IdHistory, IdRecord
from msrv.catalog.model import Catalog, Item, ItemKind, Release


@dataclass(frozen=True, slots=True)
class AliasState:
    """State of the last comparison, after which only changes are compared.

    `seen` are the entries of the catalog, aliases included. `missing` are the
    ids that it didn't offer, and `revision` is that of the history.
    `exchanged` are the ids of ExchangedFile.
    """

    seen: Mapping[str, Item | Release]
    missing: frozenset[str]
    revision: int
    exchanged: frozenset[str] = frozenset()


class ExchangedFile(NamedTuple):
    """Sold id that is another file's now, while what was sold has another id.

    `path` is the file that has the id, and `sold_path` the one that was sold.
    The record stays that of what was sold, so that this is found again.
    """

    record: IdRecord
    path: str
    sold_path: str


@dataclass(slots=True)
class ComparedIds:
    """Differences between a catalog and the records.

    `missing` are the records of the ids that the catalog misses, `new` are
    new records, and `sold` are all sold ids.
    """

    missing: dict[str, IdRecord] = field(default_factory=dict)
    new: list[IdRecord] = field(default_factory=list)
    sold: set[str] = field(default_factory=set)
    exchanged: list[ExchangedFile] = field(default_factory=list)


def compare_all(
    history: IdHistory,
    catalog: Catalog,
    now_ms: int,
    pinned: Collection[str] = (),
) -> ComparedIds:
    """Compare a catalog with all records. Blocks, for 6 µs per id.

    `now_ms` is the time of new records, in Unix milliseconds. `pinned` are
    the paths of files whose ids release.toml sets.
    """
    missing: dict[str, IdRecord] = {}
    sold: set[str] = set()
    changed: list[tuple[IdRecord, IdRecord]] = []
    known: set[str] = set()
    for record, was_sold in history.records():
        known.add(record.item_id)
        if was_sold:
            sold.add(record.item_id)
        entry = catalog.by_id.get(record.item_id)
        if entry is None:
            missing[record.item_id] = record
            continue
        fresh = _record(record.item_id, entry, catalog, now_ms)
        if fresh.content != record.content or record.moved_to:
            changed.append((record, fresh))
    found = ComparedIds(missing, sold=sold)
    _add_changed(found, history, catalog, changed, pinned)
    found.new += [
        _record(item_id, entry, catalog, now_ms)
        for item_id, entry in catalog.by_id.items()
        if item_id not in known
    ]
    return found


def compare_changes(
    history: IdHistory,
    catalog: Catalog,
    now_ms: int,
    before: AliasState,
    pinned: Collection[str] = (),
) -> ComparedIds:
    """Compare a catalog with the records of what has changed in it.

    See `compare_all`; this looks at a record for each change only. Blocks.
    """
    seen, by_id = before.seen, catalog.by_id
    changed = [
        item_id
        for item_id, entry in by_id.items()
        if seen.get(item_id) is not entry or item_id in before.exchanged
    ]
    gone = before.missing.union(seen).difference(by_id)
    known = {
        record.item_id: record for record in history.find([*changed, *gone])
    }
    new = []
    differing = []
    for item_id in changed:
        fresh = _record(item_id, by_id[item_id], catalog, now_ms)
        old = known.get(item_id)
        if old is None:
            new.append(fresh)
        elif fresh.content != old.content or old.moved_to:
            differing.append((old, fresh))
    missing = {item_id: known[item_id] for item_id in gone if item_id in known}
    found = ComparedIds(missing, new, history.sold_ids())
    _add_changed(found, history, catalog, differing, pinned)
    return found


def _add_changed(
    found: ComparedIds,
    history: IdHistory,
    catalog: Catalog,
    changed: Iterable[tuple[IdRecord, IdRecord]],
    pinned: Collection[str],
) -> None:
    """Add what has changed of old records, each with its new one.

    Files that wait in another folder (see `vanished_folders`) keep theirs.
    """
    for old, fresh in changed:
        if _is_elsewhere(catalog, old.item_id):
            continue
        sold_path = ""
        if old.item_id in found.sold and fresh.path not in pinned:
            sold_path = _find_sold(history, catalog, old, fresh)
        if sold_path:
            found.exchanged.append(ExchangedFile(old, fresh.path, sold_path))
        else:
            found.new.append(fresh)


def _is_elsewhere(catalog: Catalog, item_id: str) -> bool:
    """Return whether an id's files are outside of its release's folder."""
    entry = catalog.by_id[item_id]
    is_item = isinstance(entry, Item)
    home = catalog.by_id.get(entry.release_id) if is_item else entry
    items = (entry,) if isinstance(entry, Item) else entry.items
    return isinstance(home, Release) and any(
        not item.content.path.startswith(f"{home.folder}/") for item in items
    )


def _find_sold(
    history: IdHistory, catalog: Catalog, old: IdRecord, fresh: IdRecord
) -> str:
    """Return the new path of a release's file whose id is another's now.

    Empty if there is none: then a better master has the id, as it should. A
    copy that had its own id before was not renamed.
    """
    release = catalog.releases_by_id.get(fresh.release_id)
    if release is None or old.sha256 in {b"", fresh.sha256}:
        return ""
    for item in (*release.items, *release.extras):
        if item.content.sha256 != old.sha256:
            continue
        known = history.find([item.item_id])
        if not known or (
            known[0].sha256 != old.sha256
            or known[0].changed_at_ms > old.changed_at_ms
        ):
            return item.content.path
    return ""


def _record(
    item_id: str, entry: Item | Release, catalog: Catalog, now_ms: int
) -> IdRecord:
    """Return the record of what an id identifies."""
    if isinstance(entry, Release):
        return IdRecord(
            item_id,
            ItemKind.RELEASE.value,
            item_id,
            entry.title,
            entry.title,
            entry.folder,
            b"",
            None,
            tuple(item.item_id for item in entry.items),
            now_ms,
        )
    home = catalog.by_id.get(entry.release_id)
    seconds = entry.duration_seconds
    return IdRecord(
        item_id,
        entry.kind.value,
        entry.release_id,
        entry.title,
        home.title if home else "",
        entry.content.path,
        entry.content.sha256,
        None if seconds is None else round(seconds * 1000),
        (),
        now_ms,
    )
