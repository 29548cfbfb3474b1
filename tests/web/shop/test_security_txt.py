# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Where a vulnerability can be reported: RFC 9116."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore

ADDRESS = "/.well-known/security.txt"
PUBLIC = "https://shop.example"


async def fields(client: Client) -> dict[str, str]:
    """Return the fields of a store's security.txt."""
    response = await client.get(ADDRESS)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = (await response.text()).splitlines()
    pairs = dict(line.split(": ", 1) for line in lines)
    assert len(pairs) == len(lines)
    return pairs


def set_contact(library: Path, contact: str) -> None:
    (library / "store.toml").write_text(f"contact = '{contact}'\n", "utf-8")


@pytest.fixture
def public(settings: Settings) -> Settings:
    """Settings of a store that visitors reach at PUBLIC."""
    return settings.model_copy(update={"public_url": PUBLIC})


async def test_security_txt_has_the_contact_of_store_toml(
    start_store: StartStore, public: Settings, clock: Clock
) -> None:
    clock.now = int(datetime(2026, 11, 29, 9, 30, tzinfo=UTC).timestamp())
    client = await start_store(public)
    assert await fields(client) == {
        "Contact": "mailto:hello@example.org",
        "Expires": "2027-05-01T00:00:00Z",
        "Preferred-Languages": "en",
        "Canonical": PUBLIC + ADDRESS,
    }
    assert (await client.head(ADDRESS)).status == 200


@pytest.mark.parametrize(
    "contact", ["https://shop.example/help", "tel:+49 30 901820"]
)
async def test_security_txt_takes_each_contact_with_a_url(
    start_store: StartStore, library: Path, public: Settings, contact: str
) -> None:
    set_contact(library, contact)
    found = await fields(await start_store(public))
    assert found["Contact"] == contact.replace(" ", "")


@pytest.mark.parametrize(
    "contact",
    ["", "ask at the merch table", "http://shop.example", "javascript:x@y.z"],
)
async def test_store_without_a_contact_to_report_to_has_no_security_txt(
    start_store: StartStore, library: Path, public: Settings, contact: str
) -> None:
    set_contact(library, contact)
    client = await start_store(public)
    assert (await client.get(ADDRESS)).status == 404
    page = await (await client.get("/")).text()
    assert contact in page
    assert f'href="{contact}' not in page or not contact


async def test_canonical_address_is_only_stated_with_https(
    store: Client,
) -> None:
    """RFC 9116 section 2.5.2 allows no other."""
    assert "Canonical" not in await fields(store)


async def test_expiry_is_months_away_and_the_same_all_month(
    store: Client, clock: Clock
) -> None:
    """Replicas state the same; it is near enough to be believed."""
    expiries: dict[str, set[str]] = {}
    for day in range(0, 800, 5):
        at = datetime(2027, 1, 1, 23, 59, tzinfo=UTC) + timedelta(days=day)
        clock.now = int(at.timestamp())
        stated = (await fields(store))["Expires"]
        until = datetime.fromisoformat(stated)
        assert timedelta(days=149) < until - at < timedelta(days=185)
        expiries.setdefault(f"{at:%Y-%m}", set()).add(stated)
    assert len(expiries) > 24
    assert {len(stated) for stated in expiries.values()} == {1}
