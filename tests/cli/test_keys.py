# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands on public receipt keys, and the start that keeps them."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from msrv import settings as settings_room
from msrv.cli.nonce import keep_previous_key, load_keyring
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring, thumbprint
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from msrv.retired_keys.key_file import FILE_NAME
from tests.cli.conftest import Cli
from tests.conftest import NONCE

FORMER: Final = "a former nonce: 5rTg-Kq82-Zn4W-cV7x-Lp31"
OLDER: Final = "an older nonce: 9wEd-Mv63-Xb1Y-hJ5s-Qa70"
RECEIPT: Final = Receipt(
    "AAAABBBBCCCCDDDDEEEEFFFF", 1, "stripe", "EUR", (Line("departure", 100),)
)


@pytest.fixture(scope="module")
def rings() -> dict[str, Keyring]:
    return {name: Keyring.from_nonces(name) for name in (NONCE, FORMER, OLDER)}


def start(cli: Cli, **environ: str) -> None:
    """Do with the keys what a start of the store does."""
    found = settings_room.load(cli.environ | environ)
    keep_previous_key(found, load_keyring(found))


@pytest.fixture
def rotated(cli: Cli) -> Cli:
    """Store that has changed NONCE twice."""
    start(cli, NONCE=FORMER, NONCE_PREVIOUS=OLDER)
    start(cli, NONCE_PREVIOUS=FORMER)
    return cli


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def statuses(cli: Cli, **environ: str) -> dict[str, str]:
    found = rows(cli("keys", "--json", **environ))
    return {each["kid"]: each["status"] for each in found}


def test_keys_of_a_new_store(cli: Cli, rings: dict[str, Keyring]) -> None:
    result = cli("keys")
    assert result.stdout.splitlines() == [
        "kid                                          key      retired",
        f"{rings[NONCE].current.kid}  present",
    ]
    assert result.stderr == ""


def test_keys_are_listed_with_their_status(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    kids = [rings[name].current.kid for name in (NONCE, FORMER, OLDER)]
    found = statuses(rotated, NONCE_PREVIOUS=FORMER)
    assert found == dict(
        zip(kids, ("present", "previous", "retired"), strict=True)
    )
    assert next(iter(found)) == kids[0]
    assert set(statuses(rotated).values()) == {"present", "retired"}
    assert " UTC" in rotated("keys").stdout.splitlines()[-1]


def test_verify_accepts_receipts_of_retired_keys(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    for name in (NONCE, FORMER, OLDER):
        token = receipts.sign(rings[name], RECEIPT)
        assert rotated("verify", token).exit_code == 0
        assert rotated("verify", token, NONCE=FORMER).exit_code == (
            1 if name == NONCE else 0
        )


def test_export_is_a_jwk_set_without_secrets(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    result = rotated("keys", "export")
    keys = json.loads(result.stdout)["keys"]
    assert {key["kid"] for key in keys} == {
        ring.current.kid for ring in rings.values()
    }
    assert all("d" not in key for key in keys)
    assert NONCE not in result.stdout
    assert rotated("keys", "export", MSRV_DEMO_PAYMENTS="1").stdout == (
        result.stdout
    )


def test_another_replica_imports_an_export_without_a_question(
    rotated: Cli, tmp_path: Path, rings: dict[str, Keyring]
) -> None:
    exported = rotated("keys", "export").stdout
    other = {"MSRV_DATA": str(tmp_path / "other" / "data")}
    result = rotated("keys", "import", "-", stdin=exported, **other)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "imported 2 keys; restart the store, on every replica, to apply this\n"
    )
    assert statuses(rotated, **other) == statuses(rotated)
    token = receipts.sign(rings[OLDER], RECEIPT)
    assert rotated("verify", token, **other).exit_code == 0
    again = rotated("keys", "import", "-", stdin=exported, **other)
    assert again.stdout.startswith("nothing to import")
    file = tmp_path / "other" / "data" / FILE_NAME
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("answer", ["", "n\n", "y\n"])
def test_import_of_unconfirmed_keys_asks(
    cli: Cli, rings: dict[str, Keyring], answer: str
) -> None:
    """The way back after NONCE was lost: its public key is all there is."""
    published = json.dumps(receipts.jwks(rings[FORMER]))
    file = Path(cli.environ["MSRV_DATA"]).with_name("keys.json")
    file.write_text(published, "utf-8")
    before = int(time.time())
    result = cli("keys", "import", str(file), stdin=answer)
    assert rings[FORMER].current.kid in result.stderr
    assert "can forge receipts" in result.stderr
    token = receipts.sign(rings[FORMER], RECEIPT)
    valid = cli("verify", token).exit_code == 0
    assert (result.exit_code == 0) == valid == (answer == "y\n")
    if valid:
        (_, key) = rows(cli("keys", "--json"))
        assert before <= key["retired_at"] <= time.time()


def test_import_with_yes_asks_nothing(
    cli: Cli, rings: dict[str, Keyring]
) -> None:
    published = json.dumps(receipts.jwks(rings[FORMER]))
    result = cli("keys", "import", "-", "--yes", stdin=published)
    assert result.exit_code == 0
    assert "retired" in statuses(cli).values()


def test_kept_file_can_be_imported_after_a_leak(
    rotated: Cli,
    rings: dict[str, Keyring],
    caplog: pytest.LogCaptureFixture,
) -> None:
    new = "the nonce after a leak: 3xZk-Wm19-Tf6B-vG8n-Yd42"
    listed = rotated("keys", NONCE=new)
    assert "unconfirmed" in listed.stdout
    assert "has not confirmed (2)" in caplog.text
    file = Path(rotated.environ["MSRV_DATA"]) / FILE_NAME
    result = rotated("keys", "import", str(file), "--yes", NONCE=new)
    assert result.exit_code == 0
    found = statuses(rotated, NONCE=new)
    assert sorted(found.values()) == ["present", "retired", "retired"]
    assert rings[NONCE].current.kid not in found


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is not JSON"),
        ("<html>", "it is not JSON"),
        ("[]", 'it has no list "keys"'),
        ('{"keys": [1]}', "a key is not an object"),
        (
            '{"keys": [{"kty": "RSA", "n": "AQAB"}]}',
            "a key is not an Ed25519 key",
        ),
        (
            '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}',
            "a key's x is not a public key",
        ),
        (
            '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": ""}]}',
            "it contains a private key",
        ),
        (" " * 2_000_000, "it is too long"),
    ],
)
def test_import_refuses_what_is_no_list_of_keys(
    cli: Cli, content: str, why: str
) -> None:
    result = cli("keys", "import", "-", "--yes", stdin=content)
    assert result.exit_code == 1
    assert result.stderr == f"Error: not a list of keys: {why}\n"
    assert not (Path(cli.environ["MSRV_DATA"]) / FILE_NAME).exists()


def test_import_is_all_or_nothing(cli: Cli, rings: dict[str, Keyring]) -> None:
    good, bad = receipts.jwks(rings[FORMER]), receipts.jwks(rings[OLDER])
    bad["keys"][0]["kid"] = good["keys"][0]["kid"]
    both = json.dumps({"keys": good["keys"] + bad["keys"]})
    result = cli("keys", "import", "-", "--yes", stdin=both)
    assert result.exit_code == 1
    assert "is another one" in result.stderr
    assert list(statuses(cli)) == [rings[NONCE].current.kid]


def test_forget_ends_the_receipts_of_a_key(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    kid = rings[OLDER].current.kid
    refused = rotated("keys", "forget", kid, stdin="n\n")
    assert refused.exit_code == 1
    assert "All receipts of" in refused.stderr
    assert kid in statuses(rotated)
    result = rotated("keys", "forget", kid[:8], stdin="y\n")
    assert result.stdout == (
        f"forgot {kid}; restart the store, on every replica, to apply this\n"
    )
    assert kid not in statuses(rotated)
    assert rotated("verify", receipts.sign(rings[OLDER], RECEIPT)).exit_code
    former = receipts.sign(rings[FORMER], RECEIPT)
    assert rotated("verify", former).exit_code == 0
    again = rotated("keys", "forget", kid, "--yes")
    assert again.exit_code == 1
    assert "is no key" in again.stderr


def test_forget_refuses_keys_in_use(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    for name, hint in ((NONCE, "change NONCE"), (FORMER, "remove that")):
        result = rotated(
            "keys",
            "forget",
            rings[name].current.kid,
            "--yes",
            NONCE_PREVIOUS=FORMER,
        )
        assert result.exit_code == 1
        assert hint in result.stderr
    assert len(statuses(rotated)) == 3


def test_forget_accepts_names_that_begin_with_a_dash(cli: Cli) -> None:
    kid = ""
    while not kid.startswith("-"):
        key = Ed25519PrivateKey.generate().public_key()
        kid = thumbprint(key)
    published = json.dumps({"keys": [receipts.jwk(key)]})
    assert cli("keys", "import", "-", "--yes", stdin=published).exit_code == 0
    assert cli("keys", "forget", kid, "--yes").exit_code == 0
    assert kid not in statuses(cli)


def test_forget_removes_unconfirmed_keys(
    rotated: Cli, rings: dict[str, Keyring]
) -> None:
    new = {"NONCE": "the nonce after a leak: 3xZk-Wm19-Tf6B-vG8n-Yd42"}
    for name in (FORMER, OLDER):
        kid = rings[name].current.kid
        assert rotated("keys", "forget", kid, "--yes", **new).exit_code == 0
    assert list(statuses(rotated, **new).values()) == ["present"]


def test_unreadable_file_is_one_line(cli: Cli) -> None:
    data = Path(cli.environ["MSRV_DATA"])
    data.mkdir()
    (data / FILE_NAME).write_text("{", "utf-8")
    result = cli("keys")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: not a list of keys: it is not JSON"
    )


def test_data_folder_that_cannot_be_written_to_is_one_line(
    cli: Cli, rings: dict[str, Keyring], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    published = json.dumps(receipts.jwks(rings[FORMER]))
    result = cli(
        "keys",
        "import",
        "-",
        "--yes",
        stdin=published,
        MSRV_DATA=str(tmp_path / "file" / "data"),
    )
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("Not a directory")


def test_start_without_a_usable_folder_warns(
    cli: Cli, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    start(
        cli, NONCE_PREVIOUS=FORMER, MSRV_DATA=str(tmp_path / "file" / "data")
    )
    assert "Keep NONCE_PREVIOUS set until" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_start_in_a_read_only_folder_warns(
    rotated: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    data = Path(rotated.environ["MSRV_DATA"])
    data.chmod(0o500)
    start(rotated, NONCE_PREVIOUS=FORMER)
    assert not caplog.records
    start(rotated, NONCE=OLDER, NONCE_PREVIOUS=NONCE)
    assert "Keep NONCE_PREVIOUS set until" in caplog.text
    data.chmod(0o700)


def test_key_of_a_weak_nonce_is_not_kept(
    cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    start(cli, NONCE_PREVIOUS="changeme", MSRV_ALLOW_WEAK_NONCE="1")
    assert "its public key isn't kept" in caplog.text
    assert list(statuses(cli).values()) == ["present"]


def test_key_of_test_payments_is_kept_where_they_are_accepted(
    cli: Cli, rings: dict[str, Keyring]
) -> None:
    start(cli, NONCE_PREVIOUS=FORMER, MSRV_DEMO_PAYMENTS="1")
    assert "retired (test payments)" in cli("keys").stdout
    token = receipts.sign(rings[FORMER], replace(RECEIPT, provider="demo"))
    assert cli("verify", token, MSRV_DEMO_PAYMENTS="1").exit_code == 0
    assert cli("verify", token).exit_code == 1
