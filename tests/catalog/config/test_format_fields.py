# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`formats` of store.toml and release.toml."""

import pytest

from msrv.catalog.config.release_config import parse_release
from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import Shop
from msrv.toml_file import InvalidConfig
from tests.catalog.temporary_library import Library, wav


def test_formats_are_in_the_order_of_the_recipes_and_once() -> None:
    found = parse_store(
        "store.toml", 'formats = ["opus-128", "flac", "opus-128"]'
    )
    assert found.formats == ("flac", "opus-128")
    assert parse_store("store.toml", "").formats == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"mp3-v0"', "must be a list of formats: flac, mp3-v0"),
        ('["mp3"]', "'mp3' is none of flac, mp3-v0"),
        ('["FLAC"]', "'FLAC' is none of flac, mp3-v0"),
        ("[320]", "320 is none of flac, mp3-v0"),
    ],
)
def test_unknown_formats_are_refused(text: str, reason: str) -> None:
    for parse in (
        lambda toml: parse_store("store.toml", toml),
        lambda toml: parse_release("release.toml", toml, Shop()),
    ):
        with pytest.raises(InvalidConfig) as caught:
            parse(f"formats = {text}")
        assert reason in str(caught.value)


def test_formats_of_a_release_replace_those_of_the_store(
    library: Library,
) -> None:
    library.put("store.toml", 'formats = ["mp3-v0"]')
    library.put("A/1.wav", wav())
    library.put("B/1.wav", wav(1))
    library.put("B/release.toml", 'formats = ["flac", "alac"]')
    library.put("C/1.wav", wav(2))
    library.put("C/release.toml", "formats = []")
    library.put("D/1.pdf")
    found = {
        each.folder: each.items[0].formats
        for each in library.read().catalog.releases
    }
    assert found == {
        "A": ("mp3-v0",),
        "B": ("flac", "alac"),
        "C": (),
        "D": (),
    }
