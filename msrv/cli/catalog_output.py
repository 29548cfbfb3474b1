"""The catalog on a terminal: read once, as a table or as JSON."""

import math
import time
from dataclasses import replace
from typing import Any, Final

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import LoadedLibrary, load_library
from msrv.catalog.library.scan import STORE_TOML, scan
from msrv.catalog.library.upload_detection import UploadDetector
from msrv.catalog.model import Item, Release
from msrv.catalog.parsing.parser import Parser
from msrv.display_text import printable
from msrv.orders.cart import id_of
from msrv.settings import Settings
from msrv.web.formatting import moment, plural, size

_NAMED: Final = 3
"""How many folders a note names before it counts them."""
_COLUMNS = ("item_id", "kind", "title", "price", "size")


def read(settings: Settings) -> LoadedLibrary:
    """Read the library now. Raises LibraryUnreadable."""
    settling = UploadDetector(settings.settle_seconds)
    kept = LastGoodConfig.open(
        settings.data,
        # Nothing is forgotten here, where nobody sees for how long it is away.
        grace_seconds=math.inf if settings.settle_seconds else 0,
        timer=time.monotonic,
        read_only=True,
    )
    found = scan(settings.library_folder)
    with (
        FileIndex.open(settings.data) as index,
        IdHistory.open(settings.data) as history,
        Parser(settings.data) as parser,
    ):
        arriving = settling.update(found, index.has_same_size_and_date)
        reading = load_library(
            settings.library_folder,
            index,
            found=found,
            kept=kept,
            history=history,
            parser=parser,
        )
        # A store that starts now must not take half a file for a known one.
        for each in arriving.values():
            index.remove(each.paths)
    if not arriving:
        return reading
    note = _arriving(sorted(arriving), settings.settle_seconds)
    return replace(reading, notes=(*reading.notes, note))


def _arriving(paths: list[str], seconds: int) -> str:
    """Note what is still being copied, in one line however much it is."""
    names = [printable(path or STORE_TOML) for path in paths[:_NAMED]]
    if more := len(paths) - len(names):
        names.append(f"{more:,} more")
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    each = "each" if first else "it"
    return (
        f"{listed} changed a moment ago: a running store updates {each} once "
        f"nothing there has changed for {seconds:g} s"
    )


def as_data(reading: LoadedLibrary) -> list[dict[str, Any]]:
    """List every item, withdrawn ones included."""
    return [_row(entry) for entry in _entries(reading)]


def as_table(reading: LoadedLibrary) -> str:
    """Lay the items out in columns as wide as they need to be."""
    rows = [_COLUMNS]
    rows += [
        (
            id_of(entry),
            _kind(entry),
            _plain(entry.title, 40) + (" (hidden)" if entry.hidden else ""),
            str(entry.price),
            size(_row(entry)["size_bytes"]),
        )
        for entry in _entries(reading)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if number >= 3 else cell.ljust(width)
            for number, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        ).rstrip()
        for row in rows
    ]
    releases = reading.catalog.releases
    items = sum(len(each.items) for each in releases)
    lines.append("")
    lines.append(
        f"{plural(len(releases), 'release')}, {plural(items, 'item')}, "
        f"{plural(len(reading.problems), 'problem')}"
    )
    return "\n".join(lines)


def explained(data: dict[str, Any]) -> str:
    """Say what a link or a receipt grants, in aligned lines."""
    if data["kind"] == "nothing":
        return "This grants nothing: it is no link and no receipt of ours."
    lines = [("this is", f"a {data['kind']}"), ("order", data["order_id"])]
    items = ", ".join(
        each["title"] or each["item_id"]
        for each in data["items"]
        if not each.get("refunded")
    )
    if items:
        lines.append(("grants", _plain(items, 400)))
    refunded = [each for each in data["items"] if each.get("refunded")]
    if refunded:
        names = ", ".join(
            each["title"] or each["item_id"] for each in refunded
        )
        lines.append(("refunded", _plain(names, 400)))
    if data["expired"]:
        lines.append(("expired", moment(data["expires_at"])))
    elif len(refunded) < len(data["items"]):
        at = data["expires_at"]
        lines.append(("until", "for ever" if at is None else moment(at)))
    return "\n".join(f"{label:<9}{text}" for label, text in lines)


def _entries(reading: LoadedLibrary) -> list[Item | Release]:
    entries: list[Item | Release] = []
    for release in reading.catalog.releases:
        if len(release.items) > 1 or release.extras:
            entries.append(release)
        entries.extend(release.items)
    return entries


def _row(entry: Item | Release) -> dict[str, Any]:
    if isinstance(entry, Release):
        size_bytes, sha256, file = entry.size_bytes, None, entry.folder
    else:
        content = entry.content
        size_bytes, file = content.size_bytes, content.path
        sha256 = content.sha256.hex()
    return {
        "item_id": id_of(entry),
        "release": entry.release_id,
        "title": entry.title,
        "kind": _kind(entry),
        "price_minor": entry.price.minor,
        "currency": entry.price.currency,
        "size_bytes": size_bytes,
        "sha256": sha256,
        "file": printable(file),
        "hidden": entry.hidden,
    }


def _kind(entry: Item | Release) -> str:
    return "release" if isinstance(entry, Release) else entry.kind


def _plain(text: str, limit: int) -> str:
    """Keep a title to one line of what a terminal can show."""
    shown = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
