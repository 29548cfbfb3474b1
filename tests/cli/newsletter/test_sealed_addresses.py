# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`newsletter`: the seller reads the addresses with the secret key."""

from pathlib import Path

import pyrage

from msrv.newsletter.sealed_file import FILE_NAME, SealedAddresses
from tests.cli.conftest import Cli
from tests.ledger.sample_events import NOON


def test_addresses_are_printed_once_with_the_right_key_only(
    cli: Cli, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealed = SealedAddresses(tmp_path, str(identity.to_public()))
    for address in ("ada@example.net", '"b, c"@example.net') * 2:
        sealed.append(address, "de", NOON)
    key = tmp_path / "key.txt"
    key.write_text(f"# a comment\n{identity}\n")
    path = str(tmp_path / FILE_NAME)
    result = cli("newsletter", "--identity", str(key), path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        'ada@example.net,de,2027-01-15\n"""b, c""@example.net",de,2027-01-15\n'
    )
    key.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    result = cli("newsletter", "--identity", str(key), path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "line 1: can't be decrypted with this key" in result.stderr
