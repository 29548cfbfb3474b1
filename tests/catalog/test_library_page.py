# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""docs/library.md agrees with the program."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from msrv.catalog.config import release_config, store_config
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.model import Shop
from msrv.catalog.names import cover_names, ids, ignored_names
from msrv.catalog.names.media_types import (
    AUDIO_TYPES,
    DOCUMENTS,
    PICTURES,
    VIDEOS,
)
from msrv.toml_file import keys_of
from tests.catalog.temporary_library import Library, problems, wav

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
TEXT = PAGE.read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)


def test_page_has_every_key_of_the_configuration() -> None:
    keys = {
        *keys_of(store_config._StoreTable),
        *(f"fonts.{key}" for key in keys_of(store_config._FontsTable)),
        *(f"legal.{key}" for key in keys_of(store_config._LegalTable)),
        *(f"tax.{key}" for key in keys_of(store_config._TaxTable)),
        *(f"prices.{key}" for key in keys_of(store_config._UsualPrices)),
        *keys_of(release_config.ReleaseConfig),
        *(f'items."NAME".{key}' for key in keys_of(release_config.ItemConfig)),
        *(
            f"discounts.CODE.{key}"
            for key in keys_of(store_config._DiscountTable)
        ),
    }
    keys -= {"prices", "fonts", "items", "discounts", "legal", "tax"}
    tables = re.findall(r"^\| key \|.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    documented = {
        key
        for table in tables
        for key in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    }
    assert documented == keys | {'items."NAME"', "discounts.CODE"}


@pytest.mark.parametrize(("name", "toml"), EXAMPLES)
def test_examples_of_the_page_are_valid(name: str, toml: str) -> None:
    if name == "store.toml":
        assert store_config.parse_store(name, toml) != StoreConfig()
    else:
        assert release_config.parse_release(name, toml, Shop()).release_id


def test_every_key_is_in_an_example() -> None:
    stores = [
        tomllib.loads(toml) for name, toml in EXAMPLES if name == "store.toml"
    ]
    releases = [
        tomllib.loads(toml)
        for name, toml in EXAMPLES
        if name == "release.toml"
    ]
    assert len(stores) + len(releases) == len(EXAMPLES)
    for tables, model in (
        (stores, store_config._StoreTable),
        (tables_in(stores, "discounts"), store_config._DiscountTable),
        (releases, release_config.ReleaseConfig),
        (tables_in(releases, "items"), release_config.ItemConfig),
    ):
        assert {key for table in tables for key in table} == set(
            keys_of(model)
        )


def tables_in(files: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Return the tables that are named below a key, of all files."""
    return [table for file in files for table in file.get(key, {}).values()]


def test_example_ids_of_the_page_are_right() -> None:
    release = ids.release_id("The Wet Coats/Night Bus")
    item = ids.item_id(release, "01 Departure.flac")
    assert TEXT.count(f'id = "{release}"') == 1
    assert TEXT.count(f'id = "{item}"') == 1


def test_page_has_every_format() -> None:
    for suffix in (*AUDIO_TYPES, *PICTURES, *DOCUMENTS, *VIDEOS - {".mpeg"}):
        assert f"{suffix}`" in TEXT


def test_page_has_every_ignored_name_and_cover_name() -> None:
    for suffix in filter(str.isascii, ignored_names.SUFFIXES):
        assert f"`{suffix}`" in TEXT
    for stem in cover_names.STEMS:
        assert f"`{stem}`" in TEXT or stem in {"coverart", "albumart"}


def test_example_problems_of_the_page_are_verbatim(library: Library) -> None:
    library.put("store.toml", "\n\n\n\naccent = 'red'\n")
    library.put("Night Bus/a.pdf")
    library.put("Night Bus/03 Rain.mp3", b"no sound")
    half = wav()[:-30].replace(b"\x32\0\0\0", (633_000).to_bytes(4, "little"))
    library.put("Night Bus/04 Home.wav", half)
    (library.root / "Night Bus/master.wav").symlink_to("/etc/hostname")
    library.put("Umbrella/a.pdf")
    library.put("Umbrella/release.toml", '\nprice = "7,00"\n')
    library.put("Weather Zine/a.pdf")
    library.put("Weather Zine/release.toml", "\n\ntitle =\n")
    toml = 'currency = "EUR"\nitem_price = "1"\nprice = "1"\n'
    library.put("Night Bus/release.toml", toml)
    said = set(problems(library.read()))
    library.put("Night Bus/release.toml", '\n\n\npirce = "1"\n')
    said |= set(problems(library.read()))
    shown = re.findall(r"^problem: (.*)$", TEXT, re.MULTILINE)
    assert len(shown) == 8
    assert set(shown) <= said
