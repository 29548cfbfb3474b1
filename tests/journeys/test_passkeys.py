# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Passkeys of the studio, with Chromium's virtual authenticator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.journeys.page_checks import check_page
from tests.journeys.studio_windows import sign_in
from tests.ledger.mariadb_server import MariaDBServer
from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.browser

BUTTON = "Sign in with a passkey"


@pytest.fixture
def replicas(
    mariadb: MariaDBServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[StoreProcess, StoreProcess]]:
    """Two stores with one database, and data folders of their own."""
    url = mariadb.create("passkeys")
    folder = tmp_path_factory.mktemp("replicas")
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    with launch_store(folder / "one", MSRV_DATABASE=url) as one:
        one.run("ledger", "upgrade")
        with launch_store(folder / "two", MSRV_DATABASE=url) as two:
            yield one, two


class VirtualAuthenticator:
    """Authenticator of a page, which holds passkeys for it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._context = context
        self._page = page
        self._id = ""

    async def plug_in(self) -> None:
        """Add the authenticator to the page."""
        self._cdp = await self._context.new_cdp_session(self._page)
        await self._cdp.send("WebAuthn.enable")
        added = await self._cdp.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = added["authenticatorId"]

    async def recognise(self, *, user: bool) -> None:
        """Let the next fingerprints be the user's, or somebody else's."""
        await self._cdp.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self._id, "isUserVerified": user},
        )

    async def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys that it holds."""
        found = await self._cdp.send(
            "WebAuthn.getCredentials", {"authenticatorId": self._id}
        )
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials

    async def restore(self, credential: dict[str, Any]) -> None:
        """Replace a passkey by an earlier copy of it."""
        key = {"authenticatorId": self._id}
        await self._cdp.send(
            "WebAuthn.removeCredential",
            {**key, "credentialId": credential["credentialId"]},
        )
        await self._cdp.send(
            "WebAuthn.addCredential", {**key, "credential": credential}
        )


async def open_signed_out(page: Page, address: str) -> None:
    """Open a page of the studio without a session."""
    await page.context.clear_cookies()
    response = await page.goto(address)
    assert response
    assert response.status == 401


async def test_passkey_signs_in_on_every_replica_until_it_is_removed(
    browser: Browser, replicas: tuple[StoreProcess, StoreProcess]
) -> None:
    one, two = replicas
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, ignore_https_errors=True
    )
    page = await context.new_page()
    device = VirtualAuthenticator(context, page)
    await device.plug_in()
    alert = page.locator("[data-passkey] [role=alert]")

    # Registered once, and not twice.
    await sign_in(page, one)
    await page.get_by_role("link", name="Passkeys", exact=True).click()
    await expect(page.locator("main")).to_contain_text("no passkeys yet")
    await check_page(page)
    for _ in range(2):
        await page.get_by_label("Name, such as").fill("Phone")
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.locator(".ledger-head")).to_have_text("Phone")
    await expect(alert).to_have_text(
        "This device or security key has a passkey of yours for this store "
        "already."
    )
    await check_page(page)
    (copied,) = await device.credentials()
    assert copied["isResidentCredential"]
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Signed out")

    # Signed in where the page was opened, then on the other replica.
    await open_signed_out(page, f"{one.url}/studio/orders?q=A")
    await check_page(page)
    await page.get_by_role("button", name=BUTTON).click()
    await expect(
        page.get_by_role("heading", name="Orders", exact=True)
    ).to_be_visible()
    assert page.url == f"{one.url}/studio/orders?q=A"
    await open_signed_out(page, f"{two.url}/studio")
    await page.get_by_role("button", name=BUTTON).click()
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()

    await open_signed_out(page, f"{two.url}/studio")
    await check_refusals(page, device, copied)

    # Removed on one, and unknown on the other.
    await sign_in(page, one)
    await page.goto(f"{one.url}/studio/passkeys")
    await expect(page.locator("main")).to_contain_text("Last used on")
    await page.get_by_role("link", name="Remove Phone").click()
    await expect(page.get_by_role("heading")).to_have_text("Remove Phone?")
    await page.get_by_role("button", name="Remove").click()
    await expect(page.locator("main")).to_contain_text("no passkeys yet")
    await page.get_by_role("link", name="Activity", exact=True).click()
    await expect(page.locator("main")).to_contain_text("removed a passkey")
    await open_signed_out(page, f"{two.url}/studio")
    await page.get_by_role("button", name=BUTTON).click()
    await expect(alert).to_contain_text("doesn't know this passkey")
    await context.close()


async def check_refusals(
    page: Page, device: VirtualAuthenticator, copied: dict[str, Any]
) -> None:
    """Be refused: by the user, too late, without a network, and as a copy."""
    alert = page.locator("[data-passkey] [role=alert]")
    await device.recognise(user=False)
    await page.get_by_role("button", name=BUTTON).click()
    await expect(alert).to_contain_text("the request was cancelled")
    await check_page(page)
    await page.route("**/sign-in/options", answer_with_no_time)
    await page.get_by_role("button", name=BUTTON).click()
    await expect(alert).to_contain_text("longer than five minutes")
    await page.unroute_all()
    await page.route("**/sign-in/options", lambda route: route.abort())
    await page.get_by_role("button", name=BUTTON).click()
    await expect(alert).to_contain_text("The store can't be reached")
    await page.unroute_all()
    await device.recognise(user=True)
    await device.restore(copied)
    await page.get_by_role("button", name=BUTTON).click()
    await expect(alert).to_contain_text("there may be a copy of it")
    await expect(page.get_by_role("button", name=BUTTON)).to_be_focused()


async def test_without_a_script_the_page_says_how_to_get_a_link(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context = await browser.new_context(
        ignore_https_errors=True, java_script_enabled=False
    )
    page = await context.new_page()
    await page.goto(f"{demo_store.url}/studio")
    await expect(page.locator(".steps")).to_contain_text("msrv studio")
    await expect(page.get_by_role("button", name=BUTTON)).to_be_hidden()
    await sign_in(page, demo_store)
    await page.goto(f"{demo_store.url}/studio/passkeys")
    await expect(page.locator("main")).to_contain_text("needs JavaScript")
    await expect(page.get_by_label("Name, such as")).to_be_hidden()
    await context.close()


async def answer_with_no_time(route: Route) -> None:
    """Answer with the store's options, and a time-out that is over."""
    response = await route.fetch()
    options = await response.json()
    await route.fulfill(
        response=response, body=json.dumps({**options, "timeout": 0})
    )
