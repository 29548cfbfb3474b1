"""What a test asks a store in a process."""

import http.client
import re
import urllib.request
from collections.abc import Callable

from tests.store_process import StoreProcess

Connect = Callable[[StoreProcess], http.client.HTTPSConnection]


def status(connection: http.client.HTTPSConnection, path: str) -> int:
    """Ask for a path on a connection, and read the whole answer."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def buy_link(store: StoreProcess) -> tuple[str, int]:
    """Buy the long track: its link's path, and its size."""
    item = store.request_json("/catalog")["releases"][0]["items"][0]
    bought = store.request_json("/purchases", [("item", item["item_id"])])
    url = bought["downloads"][item["item_id"]]
    return "/" + url.split("/", 3)[3], item["size_bytes"]


def open_downloads(store: StoreProcess) -> float:
    """How many downloads the store says are under way."""
    with urllib.request.urlopen(
        store.url + "/-/metrics", timeout=60, context=store.tls
    ) as answer:
        found = re.search(
            r"^msrv_open_downloads (\S+)$",
            answer.read().decode(),
            re.MULTILINE,
        )
    assert found
    return float(found[1])
