# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases by a program, for tests of what follows them."""

from typing import Any, Final

from yarl import URL

from tests.conftest import Client

JSON: Final = {"Accept": "application/json"}


async def buy(store: Client, *items: str) -> dict[str, Any]:
    """Buy items, and return the JSON of the response."""
    form = [("item", item) for item in items]
    response = await store.post("/purchases", data=form, headers=JSON)
    assert response.status == 201
    bought: dict[str, Any] = await response.json()
    return bought


def download_path(bought: dict[str, Any], item: str) -> str:
    """Return the path of the link to an item that was bought."""
    return path_of(bought["downloads"][item])


def path_of(address: str) -> str:
    """Return the path and query of an absolute address of the store."""
    return URL(address).raw_path_qs
