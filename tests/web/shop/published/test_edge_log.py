# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Visitors' addresses in nginx's log."""

import json
import re
from pathlib import Path

import pytest

from tests.polling import wait_until
from tests.store_process import free_port
from tests.web.shop.published.edge import NGINX, running_edge
from tests.web.shop.published.edge_visitors import connect


@pytest.mark.parametrize(
    ("detail", "client"),
    [
        ("", "127.0.0.1"),
        ("full", "127.0.0.1"),
        ("network", "127.0.0.0/24"),
        ("none", "-"),
        ("nonsense", "-"),
    ],
)
async def test_as_much_is_logged_of_an_address_as_the_store_logs(
    tmp_path: Path, detail: str, client: str
) -> None:
    ports = [free_port()]  # no store is running
    bucket = "http://127.0.0.1:1/bucket"
    with running_edge(tmp_path, ports, bucket, log_addresses=detail) as edge:
        async with connect(edge) as visitor:
            answer = await visitor.get("/")
            assert answer.status == 503
        log = tmp_path / "access.log"
        await wait_until(lambda: '"status":"503"' in log.read_text("utf-8"))
        lines = map(json.loads, log.read_text("utf-8").splitlines())
        assert {each["client"] for each in lines} == {client}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:1::9", "2001:db8:1::/48"),
        ("2001:db8::9", "2001:db8::/48"),
        ("2001::9", "2001::/48"),
        ("::1", "-"),
    ],
)
def test_network_is_that_of_the_store(address: str, network: str) -> None:
    """The rows of the map, the first that matches, as nginx reads them."""
    template = (NGINX / "store.conf.template").read_text("utf-8")
    _, _, rows = template.partition("$logged_client {")
    found = "-"
    for pattern, value in re.findall(
        r'"~(\S+ .*?)"\s+"?([^\s";]+)"?;', rows.partition("}\n\n")[0]
    ):
        match = re.search(pattern.replace("(?<", "(?P<"), f"network {address}")
        if match is not None:
            ((name, group),) = match.groupdict().items()
            found = value.replace(f"${{{name}}}", group)
            found = found.replace(f"${name}", group)
            break
    assert found == network
