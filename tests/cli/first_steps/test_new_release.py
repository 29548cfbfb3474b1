# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`new`: a folder for a release, ready to be filled."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.wav_files import write_wav


def test_new_makes_a_folder_that_sells_once_it_has_files(
    cli: Cli, library: Path
) -> None:
    result = cli("new", "The Wet Coats", "Second Bus", "--price", "7,50")
    assert result.exit_code == 0
    folder = library / "The Wet Coats" / "Second Bus"
    assert str(folder) in result.stdout
    assert "msrv check" in result.stdout
    assert cli("check").exit_code == 0
    write_wav(folder / "01 Stop.wav", 1)
    write_wav(folder / "02 Go.wav", 2)
    items = json.loads(cli("check", "--json").stdout)["items"]
    (release,) = (
        each
        for each in items
        if each["kind"] == "release" and each["title"] == "Second Bus"
    )
    assert release["price_minor"] == 750
    assert release["item_id"] in result.stdout


def test_new_prints_json(cli: Cli, library: Path) -> None:
    printed = json.loads(cli("new", "", "Solo", "--json").stdout)
    folder = library / "Solo"
    assert printed["folder"] == str(folder)
    assert printed["config"] == str(folder / "release.toml")
    assert Path(printed["config"]).is_file()
    assert printed["release_id"].startswith("solo-")


def test_new_never_changes_a_folder(cli: Cli, library: Path) -> None:
    before = sorted(library.rglob("*"))
    result = cli("new", "", "Night Bus")
    assert result.exit_code == 1
    assert "Night Bus exists already; nothing was changed" in result.stderr
    assert result.stdout == ""
    assert sorted(library.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["A", " \n "], "TITLE: must not be empty"),
        (["A", "B", "--price", "cheap"], "--price: 'cheap' is not an amount"),
        (["A", "B", "--price", "7.123"], "--price: '7.123' has more decimals"),
        (["A", "B", "--date", "soon"], "--date: must be a day"),
        (["A", "B", "--date", "2026-02-31"], "--date: must be a day"),
    ],
)
def test_new_refuses_bad_input(
    cli: Cli, library: Path, arguments: list[str], error: str
) -> None:
    before = sorted(library.rglob("*"))
    result = cli("new", *arguments)
    assert result.exit_code != 0
    assert error in result.stderr
    assert sorted(library.rglob("*")) == before


def test_new_needs_a_library(cli: Cli) -> None:
    result = cli("new", "A", "B", MSRV_LIBRARY="")
    assert result.exit_code == 1
    assert "MSRV_LIBRARY is not set: run `msrv init` first" in result.stderr


def test_new_names_a_library_that_cannot_be_written(
    cli: Cli, library: Path
) -> None:
    (library / "Artist").write_text("a file")
    result = cli("new", "Artist", "B")
    assert result.exit_code == 1
    assert "Artist: Not a directory; nothing was changed" in result.stderr


def test_new_stops_at_an_invalid_store_toml(cli: Cli, library: Path) -> None:
    (library / "store.toml").write_text("currency = 'XXX'\n")
    result = cli("new", "A", "B")
    assert result.exit_code == 1
    assert "store.toml:1: 'currency' must be a currency code" in result.stderr
