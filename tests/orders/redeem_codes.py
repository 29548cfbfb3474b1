# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes, and requests that redeem them."""

from typing import Any

from msrv.proofs import codes
from msrv.proofs.keyring import Keyring
from tests.conftest import Client

JSON = {"Accept": "application/json"}
ITEM = "night-bus"


def code_of(keyring: Keyring, serial: int = 1, item: str = ITEM) -> str:
    """Return the code of this serial number for an item."""
    (code,) = codes.mint(keyring, item, "vinyl-2026", [serial])
    return code


def unknown_code(code: str) -> str:
    """Return a code that the store has not minted, without a typing error."""
    signs = codes.normalize(code)
    body = signs[:10] + ("0" if signs[10] != "0" else "1") + signs[11:-1]
    return codes.format_groups(body + codes.check_character(body))


async def redeem(store: Client, code: str, claim: str = "") -> tuple[int, Any]:
    """Redeem a code; return the status and the JSON."""
    store.session.cookie_jar.clear()
    cookies = {"claim": claim} if claim else None
    answer = await store.post(
        "/redeem", data={"code": code}, headers=JSON, cookies=cookies
    )
    return answer.status, await answer.json()
