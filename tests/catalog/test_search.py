# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Search of releases and tracks by words."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.model import Catalog, Item, ItemKind, Release, Shop
from msrv.catalog.search import SearchIndex, fold_text
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity

FREE = Money(0, "EUR")


def release(
    title: str,
    artist: str,
    tracks: Sequence[str],
    *,
    hidden: Sequence[str] = (),
) -> Release:
    content = Content(
        f"{title}/x.wav", FileIdentity(1, 1, 1, 1), bytes(32), 1, "audio/wav"
    )
    items = tuple(
        Item(
            f"{title}-{number}",
            title,
            ItemKind.TRACK,
            name,
            artist,
            FREE,
            content,
            hidden=name in hidden,
        )
        for number, name in enumerate(tracks)
    )
    return Release(title, title, title, artist, "", "", FREE, items)


CATALOG = assemble_catalog(
    Shop(),
    [
        release("Night Bus", "The Wet Coats", ["Departure", "Wrong Stop"]),
        release("Début", "Björk", ["Human Behaviour", "Crying"]),
        release("Umbrella", "The Wet Coats", ["Umbrella", "Night Rain"]),
        release("ΣΊΣΥΦΟΣ", "Straße", ["FIn", "Secret"], hidden=["Secret"]),
    ],
)


def found(words: str, catalog: Catalog = CATALOG) -> dict[str, list[str]]:
    return {
        match.release.title: [item.title for item in match.items]
        for match in SearchIndex(catalog).search(words)[:]
    }


QUOTED = assemble_catalog(
    Shop(),
    [
        release("Don\u2019t Stop", "Guns N\u2018 Roses", ["x"]),
        release("Rock\u2011n\u2013Roll", "\u201cWeird\u201d Al", ["x"]),
        release("7\u2032", "The \u02bcOkina", ["x"]),
    ],
)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("don't", "Don\u2019t Stop"),
        ("don\u02bct", "Don\u2019t Stop"),
        ("n'", "Don\u2019t Stop"),
        ("rock-n-roll", "Rock\u2011n\u2013Roll"),
        ('"weird"', "Rock\u2011n\u2013Roll"),
        ("'okina 7'", "7\u2032"),
    ],
)
def test_quotes_and_hyphens_are_found_as_they_are_typed(
    words: str, title: str
) -> None:
    assert list(found(words, QUOTED)) == [title]


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        ("night bus", {"Night Bus": []}),
        ("NIGHT", {"Night Bus": [], "Umbrella": ["Night Rain"]}),
        ("coats night rain", {"Umbrella": ["Night Rain"]}),
        ("wet", {"Night Bus": [], "Umbrella": []}),
        ("debut", {"Début": []}),
        ("DÉBUT", {"Début": []}),
        ("bjork crying", {"Début": ["Crying"]}),
        ("σίσυφος", {"ΣΊΣΥΦΟΣ": []}),
        ("strasse", {"ΣΊΣΥΦΟΣ": []}),
        ("fin", {"ΣΊΣΥΦΟΣ": ["FIn"]}),
        # Each word is somewhere in the release, but no track has them all.
        ("departure stop", {"Night Bus": []}),
        ("umbr", {"Umbrella": []}),
        ("secret", {}),
        ("night crying", {}),
        ("", {}),
        ("   ", {}),
        ("\0", {}),
        ("\u0301", {}),
        ("%", {}),
        (".*", {}),
        ("departurewrong", {}),
        ("busthe", {}),
    ],
)
def test_search_results(words: str, matches: dict[str, list[str]]) -> None:
    assert found(words) == matches


WORDS = st.text("aábB \0ß", max_size=6)


@given(
    st.lists(
        st.tuples(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=3)),
        max_size=6,
    ),
    WORDS,
)
def test_search_equals_a_linear_search(
    library: list[tuple[str, str, list[str]]], words: str
) -> None:
    catalog = assemble_catalog(Shop(), [release(*each) for each in library])
    wanted = fold_text(words).split()
    naive = [
        each
        for each in catalog.offered
        if wanted
        and all(
            any(
                word in fold_text(text)
                for text in (
                    f"{each.title} {each.artist}",
                    *(f"{item.title} {item.artist}" for item in each.items),
                )
            )
            for word in wanted
        )
    ]
    matches = SearchIndex(catalog).search(words)
    assert [match.release for match in matches[:]] == naive
    assert len(matches) == len(naive)


@pytest.mark.slow
def test_searching_takes_a_fraction_of_indexing() -> None:
    catalog = assemble_catalog(
        Shop(),
        [
            release(f"Album {n}", f"Artist {n % 500}", [f"Song {n} {m}"] * 10)
            for n in range(10_000)
            for m in [n % 7]
        ],
    )
    # CPU time, since other programs may be running.
    began = time.process_time()
    index = SearchIndex(catalog)
    indexed = time.process_time()
    assert len(index.search("artist 12 song 3512")) == 1
    assert len(index.search("nowhere")) == 0
    assert time.process_time() - indexed < indexed - began
