# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalog documents: a whole catalog as bytes, and back."""

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.details.invoicing import InvoiceRules, Seller
from msrv.catalog.details.release_details import (
    ReleaseDetails,
    ReleaseKind,
    Tempo,
)
from msrv.catalog.documents.catalog_document import (
    SCHEMA,
    CatalogDocumentError,
    ForeignDocument,
    decode_catalog,
    encode_catalog,
)
from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.model import (
    ArtistProfile,
    Catalog,
    Cover,
    Discount,
    Item,
    ItemKind,
    Listening,
    ListeningMode,
    Page,
    Release,
    Shop,
    ShopLink,
    Sound,
)
from msrv.catalog.texts.legal_texts import (
    ConsentMode,
    Legal,
    LegalKind,
    LegalText,
)
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity
from msrv.taxes.rates import TaxRules

EUR = Money(700, "EUR")
UNDECODABLE = "Caf\udce9/01 \udcffSong.flac"
FIELDS = {
    Catalog: "shop releases offered version by_id releases_by_id moved "
    "held_by gone pages profiles",
    Release: "release_id folder title artist date description price items "
    "cover hidden minimum extras former details credits thanks cover_alt",
    Item: "item_id release_id kind title artist price content number disc "
    "duration_seconds hidden minimum alternatives formats sound listening",
    Content: "path identity sha256 crc32 media_type is_encoded",
    Cover: "content width height colour is_embedded",
    Sound: "codec sample_rate_hz bit_depth channels track_gain_db "
    "album_gain_db",
    Listening: "mode clip",
    Money: "minor currency",
    ReleaseDetails: "kind genres tags label catalog_number isbn language "
    "licence version platforms key tempo page_count duration_seconds",
    Tempo: "lowest highest",
    Shop: "name tagline contact thanks currency accent tax_included language "
    "discounts theme links order featured theme_files legal tax",
    Discount: "name percent amount begins_at ends_at uses item_ids",
    ShopLink: "label url",
    ThemeFile: "key media_type version data width height icon",
    Legal: "consent wordings texts invoices",
    LegalText: "kind language title text file_name",
    InvoiceRules: "seller first_second prefix mode tax_exemption",
    Seller: "name street postcode city country vat_id tax_number",
    TaxRules: "country rates requires_address",
    Page: "slug title text changed_at picture",
    ArtistProfile: "name text links changed_at picture",
}
"""Fields that a document of SCHEMA 1 has."""


def content(path: str, sha256: bytes = bytes(32)) -> Content:
    return Content(
        path, FileIdentity(3, 2**62, 2**62, 2**64 - 1), sha256, 7, "audio/flac"
    )


def item(item_id: str, release_id: str, **more: Any) -> Item:  # noqa: ANN401 - fields of Item
    path = f"Record/{item_id}.flac"
    return Item(
        item_id=item_id,
        release_id=release_id,
        kind=ItemKind.TRACK,
        title="Song",
        artist="Band",
        price=EUR,
        **({"content": content(path)} | more),
    )


def rich_catalog(
    folder: str = "Record", path: str = "Record/a.flac"
) -> Catalog:
    """Return a catalog with something in each of its fields."""
    cover = Cover(content("Record/cover.jpg"), 10, 20, "#ff0000")
    full = item(
        "a",
        "record",
        content=content(path),
        number=1,
        disc=2,
        duration_seconds=3.5,
        minimum=Money(0, "EUR"),
        alternatives=(content("Record/a.mp3"),),
        formats=("mp3-v0",),
        sound=Sound("flac", 44100, 16, 2, -3.5, 0.25),
        listening=Listening(ListeningMode.FULL, (3, 9)),
    )
    former = item("a-mp3", "record", content=content("Record/a.mp3"))
    release = Release(
        release_id="record",
        folder=folder,
        title="Record",
        artist="Band",
        date="2026-01",
        description="Text",
        price=EUR,
        items=(full, item("b", "record", hidden=True)),
        cover=cover,
        minimum=Money(1, "EUR"),
        extras=(item("log", "record", hidden=True),),
        details=ReleaseDetails(
            ReleaseKind.EP, ("Folk",), tempo=Tempo(90, 140)
        ),
        credits="All",
        thanks="Thanks",
        cover_alt="A cover",
    )
    disc = dataclasses.replace(
        release, release_id="disc", hidden=True, items=(former,), extras=()
    )
    release = dataclasses.replace(release, former=(former, disc))
    shop = Shop(
        name="Shop",
        discounts=(Discount("spring", percent=5, item_ids=("a",)),),
        links=(ShopLink("Elsewhere", "https://example.org"),),
        order=("record",),
        featured=("disc",),
        theme_files=(ThemeFile("logo", "image/png", "v", b"\xff\0", 3, 4),),
        legal=Legal(
            ConsentMode.ASKED,
            (("de", "Ja"),),
            (LegalText(LegalKind.TERMS, "de", "AGB", "Text", "agb.md"),),
            InvoiceRules(Seller("S", "1", "2", "C", "DE", "DE1"), 5, "R"),
        ),
        tax=TaxRules("DE", (("DE", 1900),)),
    )
    catalog = assemble_catalog(
        shop,
        [release],
        (Page("about", "About", "Text", 9, cover),),
        (ArtistProfile("Band", "Text", ("https://example.org",), 9),),
    )
    moved = dataclasses.replace(full, item_id="old", hidden=True)
    whole = dataclasses.replace(release, release_id="whole", former=())
    return dataclasses.replace(
        catalog,
        by_id={**catalog.by_id, "old": moved, "whole": whole},
        moved={**catalog.moved, "old": "a"},
        held_by={"a": ("whole",)},
        gone={"lost": "Lost song"},
    )


@pytest.mark.parametrize("path", ["Record/a.flac", UNDECODABLE])
def test_catalog_is_the_same_after_its_document(path: str) -> None:
    catalog = rich_catalog(path.rpartition("/")[0], path)
    decoded = decode_catalog(encode_catalog(catalog))
    assert decoded == catalog
    assert decoded.shop.theme_files[0].data == b"\xff\0"
    former = decoded.releases[0].former[0]
    assert decoded.by_id["a-mp3"] is former
    assert decoded.by_id["a"] is decoded.releases[0].items[0]


@given(
    st.lists(
        st.builds(
            item,
            st.text("abc", min_size=1),
            st.just("record"),
            number=st.none() | st.integers(0, 99),
            duration_seconds=st.none() | st.floats(0, 1e9),
            hidden=st.booleans(),
            content=st.builds(
                content,
                st.binary(min_size=1, max_size=9).map(
                    lambda name: name.decode("utf-8", "surrogateescape")
                ),
                st.binary(min_size=32, max_size=32),
            ),
        ),
        max_size=5,
        unique_by=lambda each: each.item_id,
    )
)
def test_any_items_are_the_same_after_their_document(
    items: list[Item],
) -> None:
    release = dataclasses.replace(
        rich_catalog().releases[0], items=tuple(items), former=()
    )
    catalog = assemble_catalog(Shop(), [release])
    assert decode_catalog(encode_catalog(catalog)) == catalog


def test_equal_values_of_items_are_kept_once() -> None:
    """They are most of what a large library would take in memory."""
    decoded = decode_catalog(encode_catalog(rich_catalog()))
    one, other = decoded.releases[0].items
    assert one.price is other.price
    assert one.release_id is other.release_id
    assert one.content.media_type is other.content.media_type


def test_document_has_the_fields_of_its_schema() -> None:
    """Other fields need defaults, and then an entry here, or a new SCHEMA."""
    assert SCHEMA == 1
    assert {
        each: " ".join(field.name for field in dataclasses.fields(each))
        for each in FIELDS
    } == FIELDS


def parts(data: bytes) -> list[dict[str, Any]]:
    """Return the parts of a document, without its first line."""
    _, _, left = data.partition(b"\n")
    found = []
    while left:
        size = int.from_bytes(left[:4])
        found.append(msgspec.msgpack.decode(left[4 : 4 + size]))
        left = left[4 + size :]
    return found


def joined(parts: list[dict[str, Any]]) -> bytes:
    """Return the document of these parts."""
    encoded = [msgspec.msgpack.encode(each) for each in parts]
    return b"MSRV catalog 1\n" + b"".join(
        len(each).to_bytes(4) + each for each in encoded
    )


def test_document_without_a_newer_field_is_read() -> None:
    catalog, release = parts(encode_catalog(rich_catalog()))
    del release["items"][0]["listening"]
    decoded = decode_catalog(joined([catalog, release]))
    assert decoded.releases[0].items[0].listening == Listening()


def test_document_without_a_release_is_refused() -> None:
    catalog, release = parts(encode_catalog(rich_catalog()))
    for wrong in ([catalog], [catalog, release, release]):
        with pytest.raises(CatalogDocumentError, match="missing"):
            decode_catalog(joined(wrong))


def test_every_truncated_document_is_refused() -> None:
    data = encode_catalog(rich_catalog())
    for size in range(0, len(data), 7):
        with pytest.raises(CatalogDocumentError):
            decode_catalog(data[:size])


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_another_error(data: bytes, has_line: bool) -> None:  # noqa: FBT001 - from hypothesis
    with pytest.raises(CatalogDocumentError):
        decode_catalog(b"MSRV catalog 1\n" * has_line + data)


def test_value_of_another_type_is_refused() -> None:
    catalog, release = parts(encode_catalog(rich_catalog()))
    release["items"][0]["price"]["minor"] = "0"
    with pytest.raises(CatalogDocumentError, match="it is damaged: Expected"):
        decode_catalog(joined([catalog, release]))


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (b"MSRV catalog 2\n", "it is of another version of the store"),
        (b"MSRV catalog 10\n", "it is of another version of the store"),
        (b"{}\n", "it is no catalog document"),
    ],
)
def test_foreign_document_is_refused(begin: bytes, message: str) -> None:
    _, _, body = encode_catalog(rich_catalog()).partition(b"\n")
    with pytest.raises(ForeignDocument, match=message):
        decode_catalog(begin + body)


def test_value_that_no_document_can_hold_is_refused() -> None:
    late = FileIdentity(3, 2**64, 2**64, 1)
    release = dataclasses.replace(
        rich_catalog().releases[0],
        items=(
            item(
                "a",
                "record",
                content=dataclasses.replace(content("a"), identity=late),
            ),
        ),
    )
    with pytest.raises(CatalogDocumentError, match="can't be a document"):
        encode_catalog(assemble_catalog(Shop(), [release]))
