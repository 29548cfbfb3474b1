# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of verifying a download link.

Two MACs, and finding the item among 100,000, compared with two MACs of the
standard library, which is the least it could be.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.measuring import NONCE, Figure, interleave
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.links import make_link, verify_link
from msrv.proofs.orders import new_order_id

ROUNDS: Final = 15
TIMES: Final = 5000
ITEMS: Final = 100_000


def measure(_: Path) -> list[Figure]:
    """Verify a link repeatedly; return microseconds each."""
    keyring = Keyring.from_nonces(NONCE)
    items = {f"release-{number}-item": number for number in range(ITEMS)}
    now = int(time.time())
    order_id = new_order_id(secrets.token_bytes)
    link = make_link(keyring, order_id, f"release-{ITEMS // 2}-item", now + 60)
    keys = [
        keyring.current.key(purpose) for purpose in (Purpose.POP, Purpose.POE)
    ]
    messages = [link.item_id.encode(), link.pop.encode()]

    def macs() -> None:
        for key, message in zip(keys, messages, strict=True):
            hmac.digest(key, message, "sha256")

    def check() -> None:
        access = verify_link(keyring, link.pop, link.poe, link.item_id, now)
        items[access.item_id]

    return interleave(
        {
            "two MACs of the library's": _timed(macs),
            "a link, and its item": _timed(check),
        },
        rounds=ROUNDS,
        unit="us each",
    )


def _timed(call: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        began = time.process_time()
        for _ in range(TIMES):
            call()
        return (time.process_time() - began) / TIMES * 1e6

    return run
