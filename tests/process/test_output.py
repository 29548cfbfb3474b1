# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Output of a store: banner, missing programs, and log."""

import contextlib
import json
import re
from pathlib import Path
from urllib.parse import urlencode

from tests.process.store_requests import Connect, buy_link
from tests.store_process import StoreProcess, free_port, launch_store


def test_banner_shows_the_url_and_the_ca(folder: Path) -> None:
    port = free_port()
    with launch_store(folder, f"--port={port}") as store:
        assert store.url == f"https://localhost:{port}"
        assert store.process.stdout
        rest = ""
        while "browsers have" not in rest:
            rest += store.process.stdout.readline()
        assert re.search(rf"CA +{folder}/certs/ca\.crt", rest)
        assert "update-ca-certificates" in rest
        assert store.stop() == 0


def test_banner_reports_missing_ffmpeg(folder: Path) -> None:
    (folder / "bin").mkdir()
    with launch_store(
        folder,
        "--no-tls",
        MSRV_LIBRARY=str(folder / "library"),
        PATH=str(folder / "bin"),
    ) as store:
        release = store.request_json("/catalog")["releases"][0]["release"]
        items = store.request_json(f"/catalog/{release}")["items"]
        assert [each["preview"] for each in items] == [None]
        assert store.stop() == 0
    assert "no previews: " in store.log.read_text("utf-8")


def test_log_is_json_without_a_terminal(running: StoreProcess) -> None:
    running.request_json("/catalog")
    assert running.stop() == 0
    lines = [
        json.loads(line)
        for line in running.log.read_text("utf-8").splitlines()
    ]
    entries = [line for line in lines if line.get("route") == "catalog"]
    assert entries
    assert entries[0]["status"] == 200
    assert {"at", "level", "room", "message", "client"} <= set(entries[0])


def test_no_token_is_logged(running: StoreProcess, connect: Connect) -> None:
    item = running.request_json("/catalog")["releases"][0]["items"][0][
        "item_id"
    ]
    bought = running.request_json("/purchases", [("item", item)])
    link, _ = buy_link(running)
    receipt = "/" + bought["receipt"].split("/", 3)[3]
    query = urlencode({"q": bought["receipt"], "receipt": bought["receipt"]})
    connection = connect(running)
    for method, path in (
        ("GET", link),
        ("HEAD", link),
        ("GET", link + "x"),
        ("GET", receipt),
        ("DELETE", receipt),
        ("GET", receipt + "x"),
        ("GET", f"/verify?{query}"),
        ("GET", f"/purchases?{query}"),
        ("GET", f"/nowhere{receipt}"),
    ):
        connection.request(
            method, path, headers={"Referer": bought["receipt"]}
        )
        connection.getresponse().read()
    assert running.stop() == 0
    log = running.log.read_text("utf-8")
    assert '"route": "purchase"' in log
    assert '"route": "download"' in log
    for secret in (*link.split("/")[2:4], receipt.split("/")[2]):
        assert secret not in log
        assert secret[:40] not in log
    assert running.environ["NONCE"] not in log


def test_data_is_readable_only_by_its_user(running: StoreProcess) -> None:
    running.request_json("/catalog")
    data = Path(running.environ["MSRV_DATA"])
    found = [data, *data.rglob("*")]
    assert "index.sqlite3" in {each.name for each in found}
    open_to_others = [
        str(each) for each in found if each.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_log_has_only_networks_with_log_addresses_network(
    folder: Path,
) -> None:
    """Malformed requests included."""
    with launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_LOG_ADDRESSES="network",
    ) as store:
        store.request_json("/catalog")
        with contextlib.closing(store.connect()) as connection:
            connection.putrequest("GET", "/", skip_host=True)
            connection.endheaders()
            connection.getresponse().read()
        assert store.stop() == 0
    lines = map(json.loads, store.log.read_text("utf-8").splitlines())
    clients = {line["client"] for line in lines if "client" in line}
    assert clients <= {"127.0.0.0/24", "::/48"}
    assert clients
