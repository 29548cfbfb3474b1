# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to a store in a process."""

import http.client
import re
import urllib.request
from collections.abc import Callable

from tests.store_process import StoreProcess

Connect = Callable[[StoreProcess], http.client.HTTPSConnection]


def request_status(connection: http.client.HTTPSConnection, path: str) -> int:
    """Request a path on a connection, read it; return the status."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def path_of(url: str) -> str:
    """Return the path of an absolute address of the store."""
    return "/" + url.split("/", 3)[3]


def buy_link(store: StoreProcess) -> tuple[str, int]:
    """Buy the long track; return its link's path, and its size."""
    item = store.request_json("/catalog")["releases"][0]["items"][0]
    bought = store.request_json("/purchases", [("item", item["item_id"])])
    path = path_of(bought["downloads"][item["item_id"]])
    return path, item["size_bytes"]


def open_downloads(store: StoreProcess) -> float:
    """Return the number of open downloads in the store's metrics."""
    with urllib.request.urlopen(
        store.url + "/-/metrics", timeout=60, context=store.tls
    ) as response:
        found = re.search(
            r"^msrv_open_downloads (\S+)$",
            response.read().decode(),
            re.MULTILINE,
        )
    assert found
    return float(found[1])
