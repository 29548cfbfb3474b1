# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Records of a catalog's ids: new ones, and those of ids that it misses.

Apart from `aliases`, which finds what the missing ids are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msrv.catalog.id_history import IdHistory, IdRecord
from msrv.catalog.model import Catalog, Item, ItemKind, Release


@dataclass(frozen=True, slots=True)
class AliasState:
    """State of the last comparison, after which only changes are compared.

    `seen` are the entries of the catalog, aliases included. `missing` are the
    ids that it didn't offer, and `revision` is that of the history.
    """

    seen: Mapping[str, Item | Release]
    missing: frozenset[str]
    revision: int


ComparedIds = tuple[dict[str, IdRecord], list[IdRecord], set[str]]
"""Records of the ids that a catalog misses, new records, and the sold ids."""


def compare_all(
    history: IdHistory, catalog: Catalog, now_ms: int
) -> ComparedIds:
    """Compare a catalog with all records. Blocks, for 6 µs per id.

    `now_ms` is the time of new records, in Unix milliseconds.
    """
    missing: dict[str, IdRecord] = {}
    sold: set[str] = set()
    new: list[IdRecord] = []
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
            new.append(fresh)
    new += [
        _record(item_id, entry, catalog, now_ms)
        for item_id, entry in catalog.by_id.items()
        if item_id not in known
    ]
    return missing, new, sold


def compare_changes(
    history: IdHistory, catalog: Catalog, now_ms: int, before: AliasState
) -> ComparedIds:
    """Compare a catalog with the records of what has changed in it.

    See `compare_all`; this looks at a record for each change only. Blocks.
    """
    seen, by_id = before.seen, catalog.by_id
    changed = [
        item_id
        for item_id, entry in by_id.items()
        if seen.get(item_id) is not entry
    ]
    gone = before.missing.union(seen).difference(by_id)
    known = {
        record.item_id: record for record in history.find([*changed, *gone])
    }
    new = []
    for item_id in changed:
        fresh = _record(item_id, by_id[item_id], catalog, now_ms)
        old = known.get(item_id)
        if old is None or fresh.content != old.content or old.moved_to:
            new.append(fresh)
    missing = {item_id: known[item_id] for item_id in gone if item_id in known}
    return missing, new, history.sold_ids()


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
