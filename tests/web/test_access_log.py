# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""How much of a visitor's address is in the log."""

from ipaddress import ip_address

import pytest

from msrv.web.access_log import Detail, access_log, format_client


@pytest.mark.parametrize(
    ("client", "detail", "written"),
    [
        ("203.0.113.57", "full", "203.0.113.57"),
        ("203.0.113.57", "network", "203.0.113.0/24"),
        ("203.0.113.57", "none", "-"),
        ("2001:db8:1:2:3::4", "full", "2001:db8:1:2:3::4"),
        ("2001:db8:1:2:3::4", "network", "2001:db8:1::/48"),
        ("2001:db8:1:2:3::4", "none", "-"),
    ],
)
def test_address_detail_follows_the_setting(
    client: str, detail: Detail, written: str
) -> None:
    assert format_client(ip_address(client), detail) == written
    assert format_client(None, detail) == "-"
    assert access_log(detail).detail == detail
