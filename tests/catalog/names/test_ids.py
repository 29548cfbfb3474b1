# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of releases and items."""

import os
import re
import unicodedata

import pytest
from anyascii import anyascii
from hypothesis import example, given
from hypothesis import strategies as st

from msrv.catalog.names import ids
from msrv.catalog.names.transliteration import without_accents
from msrv.proofs.orders import is_item_id

# Any name that a file can have: no `/`, no NUL, bytes that are no UTF-8.
NAMES = st.binary(min_size=1, max_size=255).map(
    lambda data: os.fsdecode(data.replace(b"/", b"-").replace(b"\0", b"-"))
)


@pytest.mark.parametrize(
    ("folder", "file_name", "release", "item"),
    [
        (
            "Night Bus",
            "01 Departure.wav",
            "night-bus-fw4p67cc",
            "departure-7a65qacp",
        ),
        (
            "Björk/Début",
            "1-02 Human Behaviour.flac",
            "debut-2jkikrfk",
            "human-behaviour-s2n4a5fe",
        ),
        ("日本", "音.mp3", "riben-b3frlpbi", "yin-utlrlkfp"),
        ("Łódź", "01 Żółw.flac", "lodz-6h7dkbsk", "zolw-3vanvcnw"),
        (
            "Кино/Группа крови",
            "01 Звезда.flac",
            "gruppa-krovi-56cosmfo",
            "zvezda-7uuiwog4",
        ),
        ("Μουσική", "Ήχος.wav", "moysiki-x5lqznft", "ichos-cpq6yzq2"),
        ("ゆらゆら", "が.mp3", "yurayura-fvzfce63", "ga-bkjscsop"),
        (
            "موسيقى",
            "\u0661.mp3",
            "mwsyqa-oju427pa",
            "1-hi2eeec7",
        ),
        ("🔥", "№ 5 \u2013 €.mp3", "fire-rtijnyye", "no-5-s72s7vm2"),
        (
            "A very long name of an album indeed",
            "07.wav",
            "a-very-long-name-of-an-p5yjzulk",
            "07-onffwrmr",
        ),
    ],
)
def test_ids_never_change(
    folder: str, file_name: str, release: str, item: str
) -> None:
    """These ids are in receipts and links that were issued."""
    assert ids.release_id(folder) == release
    assert ids.item_id(release, file_name) == item


@pytest.mark.parametrize(
    ("folder", "file_name", "release", "item"),
    [
        ("日本", "音.mp3", "item-b3frlpbi", "item-vq7nq2yd"),
        ("Łódź", "01 Żółw.flac", "odz-6h7dkbsk", "zo-w-xevgjthz"),
        (
            "Björk/Début",
            "1-02 Human Behaviour.flac",
            "debut-2jkikrfk",
            "human-behaviour-s2n4a5fe",
        ),
    ],
)
def test_ids_of_version_1_0_never_change(
    folder: str, file_name: str, release: str, item: str
) -> None:
    assert ids.former_release_id(folder) == release
    assert ids.former_item_id(release, file_name) == item


@given(NAMES, NAMES)
def test_ids_fit_into_a_link(folder: str, file_name: str) -> None:
    for item_id in (
        ids.release_id(folder),
        ids.former_release_id(folder),
        ids.item_id(folder, file_name),
        ids.former_item_id(folder, file_name),
    ):
        assert is_item_id(item_id)


@given(st.one_of(st.text(max_size=40), NAMES))
def test_slug_is_readable_wherever_there_is_a_letter(name: str) -> None:
    found = ids.slug(name, default="")
    assert re.fullmatch("([a-z0-9]+(-[a-z0-9]+)*)?", found)
    assert len(found) <= ids.SLUG_CHARS
    if any(c.isalnum() and anyascii(c).isalnum() for c in name):
        assert found


@given(NAMES, NAMES)
@example("0", "\N{COMBINING GREEK YPOGEGRAMMENI}")
def test_ids_of_latin_names_are_those_of_version_1_0(
    folder: str, file_name: str
) -> None:
    folder, file_name = (
        "".join(
            c
            for c in name
            if not any(map(str.isalnum, plain := without_accents(c)))
            or plain.isascii()
        )
        or "A"
        for name in (folder, file_name)
    )
    words = folder, ids.stem_without_number(file_name)
    # A name of signs alone, or of marks without letters, has none.
    if all(any(map(str.isalnum, without_accents(each))) for each in words):
        release = ids.release_id(folder)
        assert ids.former_release_id(folder) == release
        present = ids.item_id(release, file_name)
        assert ids.former_item_id(release, file_name) == present


@given(st.text(min_size=1, max_size=40))
def test_ids_are_the_same_on_macos_and_linux(name: str) -> None:
    name = name.encode("utf-8", "ignore").decode()
    apart = unicodedata.normalize("NFD", name)
    together = unicodedata.normalize("NFC", name)
    assert ids.release_id(apart) == ids.release_id(together)
    assert ids.item_id("x", apart) == ids.item_id("x", together)


def test_ids_depend_on_the_boundary_of_names() -> None:
    assert (
        ids.item_id("a", "bc").split("-")[-1]
        != (ids.item_id("ab", "c").split("-")[-1])
    )


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("01 Departure.wav", "Departure"),
        ("1-02 Departure.wav", "Departure"),
        ("03. Departure.wav", "Departure"),
        ("03_-_Departure.wav", "Departure"),
        ("07.wav", "07"),
        ("1999.wav", "1999"),
        ("2001 A Space Odyssey.wav", "2001 A Space Odyssey"),
        ("no suffix", "no suffix"),
        (".5 ways.wav", ".5 ways"),
    ],
)
def test_slug_has_no_track_number(name: str, stem: str) -> None:
    assert ids.stem_without_number(name) == stem


@given(NAMES | st.text(st.characters(max_codepoint=127), min_size=1))
def test_id_that_is_said_to_be_the_same_is(name: str) -> None:
    same = ids.item_id("r", name) == ids.former_item_id("r", name)
    assert same or not ids.is_same_in_version_1_0(name)


def test_common_names_are_said_to_be_the_same() -> None:
    assert ids.is_same_in_version_1_0("CD1/01 Departure (Live).flac")
    assert not ids.is_same_in_version_1_0("Звезда.flac")
    assert not ids.is_same_in_version_1_0("!!!.flac")
