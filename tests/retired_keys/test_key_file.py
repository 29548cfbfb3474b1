# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""File of the retired keys: what it keeps, and what it never loses."""

import fcntl
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msrv.proofs import receipts
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, RetiredKey
from msrv.retired_keys import key_file
from msrv.retired_keys.key_file import FILE_NAME, MAX_BYTES, RetiredKeyFile
from msrv.retired_keys.key_list import InvalidKeyList
from tests.retired_keys.rotations import (
    NOW,
    SIMULATED,
    listed,
    opened,
    rewrite,
    ring,
    start,
)


def test_receipts_stay_valid_through_three_rotations(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    accepted = [
        opened(start(tmp_path, ring(nonces, names)), nonces)
        for names in ("A", "BA", "B", "CB", "C", "DC", "D")
    ]
    assert accepted == ["A", "AB", "AB", "ABC", "ABC", "ABCD", "ABCD"]


def test_rotations_without_a_start_in_between(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    for names in ("BA", "CB", "DC"):
        start(tmp_path, ring(nonces, names))
    assert opened(start(tmp_path, ring(nonces, "D")), nonces) == "ABCD"


def test_nonce_that_was_never_the_previous_one_ends(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "A"))
    start(tmp_path, ring(nonces, "B"))  # A has leaked
    start(tmp_path, ring(nonces, "CB"))
    assert opened(start(tmp_path, ring(nonces, "C")), nonces) == "BC"


def test_leak_ends_what_the_leaked_nonce_confirmed(
    tmp_path: Path,
    nonces: dict[str, Generation],
    caplog: pytest.LogCaptureFixture,
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    assert not caplog.records
    found = start(tmp_path, ring(nonces, "C"))  # B has leaked
    assert opened(found, nonces) == "C"
    assert "keys that this NONCE has not confirmed (1)" in caplog.text
    # A change later on keeps what isn't confirmed, without any effect.
    assert opened(start(tmp_path, ring(nonces, "DC")), nonces) == "CD"
    assert opened(start(tmp_path, ring(nonces, "D")), nonces) == "CD"
    assert {each["kid"] for each in listed(tmp_path)} == {
        nonces["A"].kid,
        nonces["C"].kid,
    }
    # Back with B, nothing was lost.
    assert opened(start(tmp_path, ring(nonces, "B")), nonces) == "AB"


def test_replica_that_has_not_changed_yet_reads_the_same_file(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    start(tmp_path, ring(nonces, "CB"))
    assert opened(start(tmp_path, ring(nonces, "B")), nonces) == "AB"
    assert opened(start(tmp_path, ring(nonces, "BA")), nonces) == "AB"
    start(tmp_path, ring(nonces, "CB"))
    assert opened(start(tmp_path, ring(nonces, "C")), nonces) == "ABC"


def test_swap_of_a_nonce_that_was_previous_first(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    """Replicas learn the new NONCE as the previous one, then swap the two."""
    start(tmp_path, ring(nonces, "AB"))
    start(tmp_path, ring(nonces, "BA"))
    assert [each["kid"] for each in listed(tmp_path)] == [nonces["A"].kid]
    assert opened(start(tmp_path, ring(nonces, "B")), nonces) == "AB"


def test_rollback_to_the_former_nonce(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    start(tmp_path, ring(nonces, "CB"))
    assert opened(start(tmp_path, ring(nonces, "BC")), nonces) == "ABC"
    assert opened(start(tmp_path, ring(nonces, "B")), nonces) == "ABC"


def test_steady_state_writes_nothing(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    for names in ("A", "BA", "CB"):
        start(tmp_path, ring(nonces, names))
    before = (tmp_path / FILE_NAME).stat()
    start(tmp_path, ring(nonces, "CB"), NOW + 5000)
    start(tmp_path, ring(nonces, "C"))
    after = (tmp_path / FILE_NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (
        after.st_ino,
        after.st_mtime_ns,
    )
    assert after.st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_first_time_of_retirement_stays(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "BA"), NOW)
    start(tmp_path, ring(nonces, "BA"), NOW + 60)
    start(tmp_path, ring(nonces, "CB"), NOW + 120)
    assert [each["retired_at"] for each in listed(tmp_path)] == [
        NOW,
        NOW + 120,
    ]


def test_links_and_quotes_of_a_retired_key_are_forged(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    found = start(tmp_path, ring(nonces, "B"))
    assert found.verifiers == (nonces["B"],)


@pytest.mark.parametrize(
    "entry",
    ["confirmed", "unconfirmed", "confirmed_by_itself", "other_mac"],
)
def test_key_that_was_added_without_nonce_has_no_effect(
    tmp_path: Path,
    nonces: dict[str, Generation],
    caplog: pytest.LogCaptureFixture,
    entry: str,
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    (valid,) = listed(tmp_path)
    attacker = nonces["D"]
    forged: dict[str, Any] = receipts.jwk(attacker.receipt_public_key) | {
        "retired_at": NOW
    }
    if entry == "confirmed_by_itself":
        own = RetiredKeyFile(tmp_path / "own")
        own.data.mkdir()
        own.add(
            Keyring((nonces["C"], attacker)),
            [RetiredKey(attacker.receipt_public_key, NOW)],
        )
        (forged,) = listed(own.data)
    elif entry == "other_mac":
        forged["confirmed"] = valid["confirmed"]
    elif entry == "confirmed":
        forged["confirmed"] = {nonces["B"].kid: "A" * 43}
    rewrite(tmp_path, [forged, valid])
    for names in ("B", "BA", "B"):
        assert opened(start(tmp_path, ring(nonces, names)), nonces) == "AB"
    assert "has not confirmed (1)" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"keys": {}}',
        b"null",
        b"[" * 100_000,
        b'{"keys": [' + b" " * MAX_BYTES + b"]}",
    ],
)
def test_unreadable_file_is_a_warning_and_stays(
    tmp_path: Path,
    nonces: dict[str, Generation],
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    file = RetiredKeyFile(tmp_path)
    assert file.load(ring(nonces, "BA")) == ()
    assert "can't be read" in caplog.text
    with pytest.raises(InvalidKeyList):
        file.add(
            ring(nonces, "BA"), [RetiredKey(nonces["A"].receipt_public_key, 1)]
        )
    assert (tmp_path / FILE_NAME).read_bytes() == content


@pytest.mark.parametrize("garbage", [None, 1, "key", [], {}, {"kid": "x"}])
def test_unreadable_key_does_not_affect_the_others(
    tmp_path: Path, nonces: dict[str, Generation], garbage: object
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    rewrite(tmp_path, [garbage, *listed(tmp_path)])
    assert opened(start(tmp_path, ring(nonces, "CB")), nonces) == "ABC"
    assert garbage in listed(tmp_path)


def test_folder_in_place_of_the_file_is_a_warning(
    tmp_path: Path,
    nonces: dict[str, Generation],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert RetiredKeyFile(tmp_path).load(ring(nonces, "B")) == ()
    assert "Is a directory" in caplog.text


def test_keys_of_simulated_payments_need_a_store_that_accepts_them(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    demo = ring(nonces, "BA", accepts_simulated=True)
    former = nonces["A"].simulated
    assert former
    file = RetiredKeyFile(tmp_path)
    file.add(
        demo, [RetiredKey(former.receipt_public_key, NOW, simulated=True)]
    )
    token = receipts.sign(Keyring((nonces["A"],)), SIMULATED)
    for names in ("B", "CB", "C"):
        keys = ring(nonces, names, accepts_simulated=True)
        file.add(keys, [])
        keys = replace(keys, retired=file.load(keys))
        assert receipts.read(keys, token) == SIMULATED
        live = replace(keys, accepts_simulated=False)
        with pytest.raises(Forged):
            receipts.read(live, token)
        assert former.kid not in live.receipt_keys
    # Its MAC doesn't make it a key for real money.
    (entry,) = listed(tmp_path)
    del entry["pretend"]
    rewrite(tmp_path, [entry])
    assert file.load(ring(nonces, "C", accepts_simulated=True)) == ()


def test_replicas_that_start_at_once_keep_all_keys(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    barrier = threading.Barrier(8)
    problems: list[BaseException] = []

    def add(former: str) -> None:
        try:
            barrier.wait()
            RetiredKeyFile(tmp_path).add(
                ring(nonces, "D"),
                [RetiredKey(nonces[former].receipt_public_key, NOW)],
            )
        except BaseException as error:
            problems.append(error)
            raise

    threads = [
        threading.Thread(target=add, args=("ABC"[number % 3],))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert opened(start(tmp_path, ring(nonces, "D")), nonces) == "ABCD"
    assert len(listed(tmp_path)) == 3


def test_lock_that_is_never_released_is_an_error(
    tmp_path: Path,
    nonces: dict[str, Generation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_file, "_LOCK_SECONDS", 0.1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="another process holds"):
            start(tmp_path, ring(nonces, "BA"))
    finally:
        os.close(descriptor)
    assert not (tmp_path / FILE_NAME).exists()


def test_removed_key_ends(
    tmp_path: Path, nonces: dict[str, Generation]
) -> None:
    start(tmp_path, ring(nonces, "BA"))
    start(tmp_path, ring(nonces, "CB"))
    RetiredKeyFile(tmp_path).remove([nonces["A"].kid])
    assert opened(start(tmp_path, ring(nonces, "C")), nonces) == "BC"
    RetiredKeyFile(tmp_path).remove([nonces["A"].kid])
