# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`codes mint`: valid codes, as CSV and as a sheet."""

import csv
import io
import re

import pytest

from msrv.proofs import codes
from msrv.proofs.keyring import Keyring
from tests.cli.conftest import Cli

MINT = ("codes", "mint", "--item", "night-bus", "--campaign", "vinyl-2026")


def test_csv_has_a_valid_code_in_each_row(
    shop_cli: Cli, keyring: Keyring
) -> None:
    result = shop_cli(*MINT, "--count", "500")
    assert result.exit_code == 0
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len({row["code"] for row in table}) == len(table) == 500
    assert [int(row["serial"]) for row in table] == list(range(1, 501))
    for row in table:
        found = codes.verify(
            keyring, codes.normalize(row["code"]), ["night-bus"]
        )
        assert found.serial == int(row["serial"])
        assert row["url"] == f"https://shop.example/redeem?code={row['code']}"
        assert (row["item"], row["campaign"]) == ("night-bus", "vinyl-2026")


def test_same_options_print_the_same_codes_and_first_continues(
    shop_cli: Cli,
) -> None:
    first = shop_cli(*MINT, "--count", "3").stdout
    assert first == shop_cli(*MINT, "--count", "3").stdout
    more = shop_cli(*MINT, "--count", "3", "--first", "4").stdout
    assert not set(first.splitlines()[1:]) & set(more.splitlines())


def test_sheet_has_all_codes_and_loads_nothing(shop_cli: Cli) -> None:
    result = shop_cli(*MINT, "--count", "12", "--sheet")
    page = result.stdout
    table = shop_cli(*MINT, "--count", "12").stdout
    for row in csv.DictReader(io.StringIO(table)):
        assert row["code"] in page
    assert page.count("<svg") == 12
    assert "shop.example/redeem" in page
    assert not re.search(r"(?:src|href)=", page)


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--item", "nope"), {}, "there is no item 'nope'"),
        (("--campaign", "Vinyl 26"), {}, "is not a campaign name like"),
        (("--first", "1048575"), {}, "serial numbers end at 1,048,575"),
        (("--count", "0"), {}, "Invalid value for '--count'"),
        ((), {"MSRV_ENDED_CAMPAIGNS": "vinyl-2026"}, "choose another name"),
        ((), {"MSRV_ENDED_CAMPAIGNS": "a, B"}, "not 'B'"),
    ],
)
def test_invalid_options_mint_nothing(
    shop_cli: Cli,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    words: str,
) -> None:
    result = shop_cli(*MINT, "--count", "3", *arguments, **environ)
    assert result.exit_code != 0
    assert result.stdout == ""
    assert words in result.stderr
