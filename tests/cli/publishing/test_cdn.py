# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `cdn`."""

import json
import time

import pytest

from msrv.downloads.objects.cdn_keys import month_key, month_of, months_from
from msrv.proofs.keyring import Keyring
from tests.cli.conftest import Cli
from tests.conftest import NONCE

FASTLY = "fastly https://cdn.example"


def test_keys_of_this_month_and_the_next_are_printed(cli: Cli) -> None:
    before = month_of(int(time.time()))
    result = cli("cdn", "keys", MSRV_CDN=FASTLY)
    rows = [line.split() for line in result.stdout.splitlines()]
    months = [month for month, _ in rows]
    now = int(time.time())
    assert months == months_from(now, 2) or month_of(now) != before
    generation = Keyring.from_nonces(NONCE).current
    assert [key for _, key in rows] == [
        month_key(generation, "fastly", month) for month in months
    ]
    found = cli("cdn", "keys", "--months", "12", "--json", MSRV_CDN=FASTLY)
    keys = json.loads(found.stdout)
    assert len(keys) == 12
    assert dict(rows).items() <= keys.items()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "MSRV_CDN is not set"),
        (
            {
                "MSRV_CDN": "bunny https://a.example",
                "MSRV_CDN_KEY": "its-own-token-key",
            },
            "bunny has keys of its own",
        ),
        (
            {"MSRV_CDN": FASTLY, "MSRV_CDN_KEY": "its-own-token-key"},
            "MSRV_CDN_KEY is set",
        ),
    ],
)
def test_without_a_use_there_are_none(
    cli: Cli, environ: dict[str, str], message: str
) -> None:
    result = cli("cdn", "keys", **environ)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "its-own" not in result.output
