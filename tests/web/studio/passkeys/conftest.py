# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures: a store with passkeys, and an operator's authenticator."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse

from msrv.settings import Settings
from msrv.web.studio.auth import COOKIE as SESSION_COOKIE
from msrv.web.studio.passkeys.challenge_cookie import COOKIE
from tests.conftest import Client
from tests.passkeys.authenticator import Authenticator
from tests.web.studio.conftest import JSON

PAGE = "/studio/passkeys"
ENTER = "/studio/passkeys/sign-in"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a store at an address with a name."""
    return settings.model_copy(update={"public_url": "https://shop.example"})


@dataclass(slots=True)
class Visitor:
    """A browser of an operator, with an authenticator.

    `session` is the cookie of the sign-in, empty without one, and `challenge`
    the cookie of the last challenge.
    """

    store: Client
    session: str = ""
    device: Authenticator = field(default_factory=Authenticator)
    challenge: str = ""

    async def post(self, path: str, **form: str) -> ClientResponse:
        """Submit a form as the script does."""
        pairs = {SESSION_COOKIE: self.session, COOKIE: self.challenge}
        cookie = "; ".join(f"{name}={text}" for name, text in pairs.items())
        return await self.store.post(
            path,
            data=form,
            headers={
                **JSON,
                "Cookie": cookie,
                "Host": "shop.example",
                "Origin": "https://shop.example",
            },
            allow_redirects=False,
        )

    async def options(self, path: str) -> dict[str, Any]:
        """Return the options of a ceremony, and keep its challenge."""
        answer = await self.post(f"{path}/options")
        assert answer.status == 200, await answer.text()
        self.challenge = answer.cookies[COOKIE].value
        found: dict[str, Any] = await answer.json()
        return found

    async def add(self, name: str = "Phone") -> ClientResponse:
        """Add a passkey."""
        fields = self.device.create(await self.options(PAGE))
        return await self.post(PAGE, name=name, **fields)

    async def sign_in(self, **changes: str) -> ClientResponse:
        """Sign in with the passkey; keep the session if that succeeds."""
        fields = self.device.get(await self.options(ENTER))
        answer = await self.post(ENTER, **{**fields, **changes})
        if SESSION_COOKIE in answer.cookies:
            self.session = answer.cookies[SESSION_COOKIE].value
        return answer

    async def page(self, path: str = "/studio") -> ClientResponse:
        """Request a page as JSON."""
        headers = {**JSON, "Cookie": f"{SESSION_COOKIE}={self.session}"}
        return await self.store.get(path, headers=headers)


async def error_of(answer: ClientResponse) -> tuple[int, str]:
    """Return the status and the code of an error."""
    found = await answer.json()
    assert found["message"]
    return answer.status, found["error"]


@pytest.fixture
def visitor(store: Client, session: str) -> Visitor:
    """A signed-in operator."""
    return Visitor(store, session)
