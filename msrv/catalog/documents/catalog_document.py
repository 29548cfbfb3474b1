# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalog document: a whole catalog as bytes, and back.

A first line with the schema's number, then parts in MessagePack, each after
its length: one for the catalog, and one for each release. Decoding checks the
type of each value, so that a document is either read as a whole or refused;
it runs no code of the document. Whoever reads one decides whom to believe: a
document has neither a signature nor a digest of its own.

A new field needs a default, and documents without it are still read.
Anything else that changes the model's fields needs another SCHEMA.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, Self, TypeVar

import msgspec

from msrv.catalog.details.release_details import ReleaseDetails
from msrv.catalog.library.catalog_assembly import (
    CatalogIds,
    offered_releases,
)
from msrv.catalog.model import (
    ArtistProfile,
    Catalog,
    Cover,
    Item,
    Listening,
    Page,
    Release,
    Shop,
)
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity

SCHEMA: Final = 1
_NAME: Final = b"MSRV catalog "
_MAX_LINE: Final = 40
_LENGTH_BYTES: Final = 4
_T = TypeVar("_T")


class CatalogDocumentError(ValueError):
    """A catalog document can't be written or read; one line.

    - `ForeignDocument`: it is no catalog document, or one of another schema
    """


class ForeignDocument(CatalogDocumentError):
    """The bytes are no catalog document, or one of another schema."""


class _FormerItem(msgspec.Struct, frozen=True, tag="item"):
    """Item that isn't among those of a release."""

    item: Item

    def value(self, shared: "_SharedValues") -> Item:
        """Return the item of the model."""
        shared.share(self.item)
        return self.item


class _Release(msgspec.Struct, frozen=True, tag="release"):
    """Release in a document; its items are those of the model."""

    release_id: str
    folder: str
    title: str
    artist: str
    date: str
    description: str
    price: Money
    items: tuple[Item, ...]
    cover: Cover | None
    hidden: bool
    minimum: Money | None
    extras: tuple[Item, ...]
    former: tuple["_FormerItem | _Release", ...]
    details: ReleaseDetails
    credits: str
    thanks: str
    cover_alt: str

    @classmethod
    def of(cls, release: Release) -> Self:
        """Return a release as a document has it."""
        values = {name: getattr(release, name) for name in _FIELDS}
        return cls(**(values | {"former": tuple(map(_entry, release.former))}))

    def value(self, shared: "_SharedValues") -> Release:
        """Return the release of the model."""
        values = {name: getattr(self, name) for name in _FIELDS}
        for item in (*self.items, *self.extras):
            shared.share(item)
        former = tuple(each.value(shared) for each in self.former)
        return Release(**(values | {"former": former}))


_FIELDS: Final = tuple(each.name for each in fields(Release))


class _Document(msgspec.Struct, frozen=True):
    """Catalog in a document, without its releases.

    Each release is a part by itself, so that other threads run while a
    document is decoded. `others` are the entries of `by_id` that don't follow
    from the releases. `is_escaped` is True if all paths are: MessagePack has
    no place for the undecodable bytes of a file's name.
    """

    version: str
    shop: Shop
    release_count: int
    others: tuple[tuple[str, _FormerItem | _Release], ...]
    moved: dict[str, str]
    held_by: dict[str, tuple[str, ...]]
    gone: dict[str, str]
    pages: tuple[Page, ...]
    profiles: tuple[ArtistProfile, ...]
    is_escaped: bool = False


class _SharedValues:
    """Values that many items have, each kept once.

    Without it, a library of 100,000 files takes 25 MB more.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._prices: dict[tuple[int, str], Money] = {}
        self._listening: dict[tuple[object, object], Listening] = {}

    def share(self, item: Item) -> None:
        """Replace an item's values by equal ones of other items."""
        text = self._texts.setdefault
        price, listening = item.price, item.listening
        for name, value in (
            ("release_id", text(item.release_id, item.release_id)),
            ("artist", text(item.artist, item.artist)),
            (
                "price",
                self._prices.setdefault((price.minor, price.currency), price),
            ),
            (
                "listening",
                self._listening.setdefault(
                    (listening.mode, listening.clip), listening
                ),
            ),
        ):
            object.__setattr__(item, name, value)
        kind = item.content.media_type
        object.__setattr__(item.content, "media_type", text(kind, kind))


_DECODER: Final = msgspec.msgpack.Decoder(_Document)
_RELEASE_DECODER: Final = msgspec.msgpack.Decoder(_Release)


def encode_catalog(catalog: Catalog) -> bytes:
    """Return a catalog as a document. Blocks, for 5 µs per item.

    Raises CatalogDocumentError for a value that no document can hold, such
    as the time of a file after the year 2500.
    """
    buffer = bytearray()
    append_catalog(buffer, catalog)
    return bytes(buffer)


def append_catalog(buffer: bytearray, catalog: Catalog) -> None:
    """Append a catalog's document to a buffer; see `encode_catalog`.

    That of a large library would take several times its size in copies.
    """
    start = len(buffer)
    try:
        try:
            _encode(buffer, catalog, is_escaped=False)
        except UnicodeEncodeError:
            del buffer[start:]
            _encode(buffer, catalog, is_escaped=True)
    except (OverflowError, TypeError, ValueError) as error:
        raise CatalogDocumentError(
            f"the catalog can't be a document: {error}"
        ) from error


def decode_catalog(data: bytes | memoryview) -> Catalog:
    """Return the catalog of a document. Blocks, for 5 µs per item.

    Raises CatalogDocumentError.
    """
    line, _, _ = bytes(data[:_MAX_LINE]).partition(b"\n")
    if not line.startswith(_NAME):
        raise ForeignDocument("it is no catalog document")
    if line != b"%s%d" % (_NAME, SCHEMA):
        raise ForeignDocument("it is of another version of the store")
    try:
        return _decode(memoryview(data)[len(line) + 1 :])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CatalogDocumentError(f"it is damaged: {error}") from error


def _encode(buffer: bytearray, catalog: Catalog, *, is_escaped: bool) -> None:
    encoder = msgspec.msgpack.Encoder()
    known = CatalogIds.of(catalog.releases).by_id

    def plain(value: _T) -> _T:
        return _with_paths(value, _escaped) if is_escaped else value

    def append_part(part: _Document | _Release) -> None:
        start = len(buffer) + _LENGTH_BYTES
        encoder.encode_into(part, buffer, start)
        length = len(buffer) - start
        buffer[start - _LENGTH_BYTES : start] = length.to_bytes(_LENGTH_BYTES)

    buffer += b"%s%d\n" % (_NAME, SCHEMA)
    append_part(
        _Document(
            catalog.version,
            catalog.shop,
            len(catalog.releases),
            tuple(
                (item_id, _entry(plain(entry)))
                for item_id, entry in catalog.by_id.items()
                if known.get(item_id) is not entry
            ),
            dict(catalog.moved),
            dict(catalog.held_by),
            dict(catalog.gone),
            plain(catalog.pages),
            plain(catalog.profiles),
            is_escaped,
        )
    )
    for each in catalog.releases:
        append_part(_Release.of(plain(each)))


def _decode(body: memoryview) -> Catalog:
    first, *others = _split(body)
    document = _DECODER.decode(first)
    if len(others) != document.release_count:
        raise ValueError("releases are missing")
    shared = _SharedValues()

    def raw(value: _T) -> _T:
        is_escaped = document.is_escaped
        return _with_paths(value, _unescaped) if is_escaped else value

    releases = tuple(
        raw(_RELEASE_DECODER.decode(each).value(shared)) for each in others
    )
    return Catalog(
        shop=document.shop,
        releases=releases,
        offered=offered_releases(releases),
        version=document.version,
        by_id=CatalogIds.of(releases).by_id
        | {name: raw(each.value(shared)) for name, each in document.others},
        releases_by_id={each.release_id: each for each in releases},
        moved=document.moved,
        held_by=document.held_by,
        gone=document.gone,
        pages=raw(document.pages),
        profiles=raw(document.profiles),
    )


def _split(body: memoryview) -> Iterator[memoryview]:
    """Yield the parts of a document. Raises ValueError."""
    at = 0
    while at < len(body) or not at:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(body[start - _LENGTH_BYTES : start])
        if not start < at <= len(body):
            raise ValueError("it is truncated")
        yield body[start:at]


def _entry(entry: Item | Release) -> _FormerItem | _Release:
    if isinstance(entry, Item):
        return _FormerItem(entry)
    return _Release.of(entry)


def _with_paths(value: _T, change: Callable[[str], str]) -> _T:
    """Return a value of the model with all paths changed."""
    changed: Any = value
    if isinstance(value, tuple) and not isinstance(value, FileIdentity):
        changed = tuple(_with_paths(each, change) for each in value)
    elif isinstance(value, Content):
        changed = replace(value, path=change(value.path))
    elif is_dataclass(value) and not isinstance(value, type):
        inner = {
            each.name: _with_paths(getattr(value, each.name), change)
            for each in fields(value)
        }
        if isinstance(value, Release):
            inner["folder"] = change(value.folder)
        changed = replace(value, **inner)
    result: _T = changed
    return result


def _escaped(path: str) -> str:
    return os.fsencode(path).hex()


def _unescaped(path: str) -> str:
    return os.fsdecode(bytes.fromhex(path))
