# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`newsletter`: the seller reads the addresses with the secret key."""

import base64
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
    assert "line 2: damaged, or can't be decrypted" in result.stderr


def test_damaged_lines_are_reported_and_the_others_printed(
    cli: Cli, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealed = SealedAddresses(tmp_path, str(identity.to_public()))
    path = tmp_path / FILE_NAME
    sealed.append("ada@example.net", "de", NOON)
    sealed.append("bob@example.net", "de", NOON)
    # As a disk that fills leaves it.
    path.write_bytes(path.read_bytes()[:-50])
    sealed.append("eve@example.net", "de", NOON)
    with path.open("ab") as file:
        file.write(b"junk\n")
    sealed.append("mia@example.net", "de", NOON)
    # Encrypted to the right key, and no address.
    for text in (b"5", b"[1]", b"junk"):
        line = pyrage.encrypt(text, [identity.to_public()])
        with path.open("ab") as file:
            file.write(base64.b64encode(line) + b"\n")
    key = tmp_path / "key.txt"
    key.write_text(f"{identity}\n")
    result = cli("newsletter", "--identity", str(key), str(path))
    assert result.exit_code == 1
    assert result.stdout == "".join(
        f"{name}@example.net,de,2027-01-15\n" for name in ("ada", "eve", "mia")
    )
    reported = [
        line.partition(": damaged")[0] for line in result.stderr.splitlines()
    ]
    assert reported == [
        f"{path}, line {number}" for number in (4, 6, 9, 10, 11)
    ]
