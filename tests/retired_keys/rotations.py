# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rotations of NONCE in a data folder, and the receipts of each."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from msrv.proofs import receipts
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, RetiredKey
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from msrv.retired_keys.key_file import FILE_NAME, RetiredKeyFile

NOW: Final = 1_800_000_000


RECEIPT: Final = Receipt(
    "AAAABBBBCCCCDDDDEEEEFFFF", NOW, "stripe", "EUR", (Line("departure", 100),)
)


SIMULATED: Final = replace(RECEIPT, provider="demo")


def ring(
    nonces: dict[str, Generation],
    names: str,
    *,
    accepts_simulated: bool = False,
) -> Keyring:
    return Keyring(
        tuple(nonces[name] for name in names),
        accepts_simulated=accepts_simulated,
    )


def start(data: Path, keyring: Keyring, now: int = NOW) -> Keyring:
    """Do what a start does: load the file, keep the former keys."""
    file = RetiredKeyFile(data)
    found = replace(keyring, retired=file.load(keyring))
    former = [
        RetiredKey(each.receipt_public_key, now)
        for each in keyring.generations[1:]
    ]
    if former:
        file.add(keyring, former)
    return found


def opens(keyring: Keyring, signer: Generation) -> bool:
    token = receipts.sign(Keyring((signer,)), RECEIPT)
    try:
        return receipts.read(keyring, token) == RECEIPT
    except Forged:
        return False


def opened(keyring: Keyring, nonces: dict[str, Generation]) -> str:
    """Return the NONCEs whose receipts a keyring accepts."""
    return "".join(name for name in nonces if opens(keyring, nonces[name]))


def listed(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (data / FILE_NAME).read_text("utf-8")
    )["keys"]
    return found


def rewrite(data: Path, keys: Sequence[object]) -> None:
    (data / FILE_NAME).write_text(json.dumps({"keys": keys}), "utf-8")
