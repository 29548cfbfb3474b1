# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The newsletter's tick: passed on, sealed, and kept nowhere else."""

import base64
import contextlib
import json
import logging
import resource
from collections.abc import Iterator

import pyrage
import pytest
from pydantic import SecretStr

from msrv.newsletter.sealed_file import (
    FILE_NAME,
    NewsletterAddress,
    UnreadableLine,
    open_lines,
)
from msrv.newsletter.subscriptions import (
    GIVE_UP_SECONDS,
    PER_NETWORK,
    NewsletterSubscriptions,
)
from msrv.settings import Settings, WrongSetting
from tests.conftest import Client, Clock, StartStore
from tests.outgoing_webhooks.receiver import (
    SECRET,
    new_receiver,
    serve,
)
from tests.polling import wait_until
from tests.store_parts import mail_of, store_of
from tests.store_process import free_port

TO = "ada@example.net"
LIST = "0a1b2c3d-0000-4000-8000-123456789abc"


def with_newsletter(settings: Settings, text: str) -> Settings:
    return settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
            "mail_from": "shop@example.org",
            "newsletter": SecretStr(text),
            "private_hosts": ("127.0.0.1",),
        }
    )


def subscriptions(
    settings: Settings, text: str, clock: Clock
) -> NewsletterSubscriptions:
    """Return subscriptions that are passed on only when a test says so."""
    found = NewsletterSubscriptions.of(
        with_newsletter(settings, text), clock=clock, random=lambda n: b"x" * n
    )
    assert found is not None
    return found


@contextlib.contextmanager
def max_file_size(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that fills."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def buy(shop: Client, **form: str) -> int:
    """Get a free item as a browser does, and return the status."""
    answer = await shop.post(
        "/purchases",
        data={"item": "zine", "provider": "free", **form},
        allow_redirects=False,
    )
    return answer.status


async def test_ticked_address_goes_to_listmonk_and_is_kept_nowhere(
    start_store: StartStore,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "msrv")
    server = new_receiver()
    async with serve(server):
        origin = server.url.removesuffix("/hook")
        shop = await start_store(
            with_newsletter(settings, f"listmonk {origin}/ {LIST}")
        )
        await shop.post("/cart", data={"add": "zine"})
        page = await (await shop.get("/checkout")).text()
        assert 'name="newsletter"' in page
        newsletter = store_of(shop).newsletter
        assert newsletter is not None
        refused = await shop.post(
            "/purchases", data={"item": "zine", "newsletter": "1"}
        )
        assert refused.status == 422
        text = await refused.text()
        assert "Is needed to send you the newsletter." in text
        assert text.count(" checked") == 1
        for form in ({}, {"mail": TO}):
            assert await buy(shop, **form) == 303
        assert newsletter.waiting == 0
        assert page.count(" checked") == 0
        assert await buy(shop, newsletter="1", mail=TO) == 303
        await wait_until(lambda: server.received)
        await wait_until(lambda: newsletter.waiting == 0)
        assert await buy(shop, newsletter="1", mail="Ada+x@example.net") == 303
        assert newsletter.waiting == 0  # the same mailbox
    (request,) = server.received
    assert server.paths == ["/api/public/subscription"]
    assert request.data == {"email": TO, "name": "", "list_uuids": [LIST]}
    outbox = mail_of(shop)._outbox.folder
    for path in settings.data.rglob("*"):
        if path.is_file() and not path.is_relative_to(outbox):
            assert TO.encode() not in path.read_bytes(), path
    assert TO not in caplog.text


async def test_store_without_newsletter_ignores_the_field(
    store: Client,
) -> None:
    assert store_of(store).newsletter is None
    assert await buy(store, newsletter="1") == 303


async def test_webhook_is_signed_retried_and_at_last_given_up(
    settings: Settings, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server = new_receiver()
    found = subscriptions(settings, f"webhook {server.url} {SECRET}", clock)
    assert found.request(TO, "de", "network")
    await found.pass_on_due()  # away
    assert found.waiting == 1
    async with serve(server):
        server.answers = [500, 429, 204]
        for _ in range(3):
            clock.now += 3600
            await found.pass_on_due()
        assert found.waiting == 0
        assert len(server.effects) == 1
        assert {each.body for each in server.received} == {
            server.received[0].body
        }
        last = server.received[-1]
        assert last.is_signed_by(SECRET)
        assert last.data["type"] == "newsletter.requested"
        assert last.data["data"] == {"email": TO, "language": "de"}
        # Refused for good: not asked again.
        clock.now += 86_401
        server.answers = [400]
        found.request(TO, "de", "network")
        await found.pass_on_due()
        assert found.waiting == 0
    found.request("bob@example.net", "de", "network")
    for _ in range(GIVE_UP_SECONDS // 3600 + 2):
        clock.now += 3600
        await found.pass_on_due()
    assert found.waiting == 0
    assert "gave up" in caplog.text
    assert "refused: status 400" in caplog.text
    assert "@example.net" not in caplog.text


@pytest.mark.parametrize("status", [301, 308, 401, 403, 404, 405, 413])
async def test_receiver_that_is_set_up_wrongly_loses_no_address(
    settings: Settings,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    server = new_receiver()
    found = subscriptions(settings, f"webhook {server.url} {SECRET}", clock)
    async with serve(server):
        server.answers = [status, 204]
        found.request(TO, "de", "network")
        await found.pass_on_due()
        assert found.waiting == 1
        assert "trying again: " in caplog.text
        assert f"status {status}" in caplog.text
        assert ("answered with a redirect" in caplog.text) == (status < 400)
        clock.now += 3600
        await found.pass_on_due()
    assert found.waiting == 0
    assert len(server.effects) == 1


async def test_address_that_was_not_passed_on_can_be_given_again(
    settings: Settings, clock: Clock
) -> None:
    server = new_receiver()
    found = subscriptions(settings, f"webhook {server.url} {SECRET}", clock)
    found.request(TO, "de", "network")
    clock.now += GIVE_UP_SECONDS
    found.request("bob@example.net", "de", "network")
    await found.pass_on_due()  # away
    assert found.waiting == 1
    found.request(TO, "de", "network")
    assert found.waiting == 2
    async with serve(server):
        clock.now += 10
        server.answers = [400, 422, 204]
        await found.pass_on_due()
        assert found.waiting == 0
        found.request(TO, "de", "network")
        await found.pass_on_due()
    assert len(server.effects) == 1


async def test_stranger_can_ask_for_few_addresses(
    settings: Settings, clock: Clock
) -> None:
    found = subscriptions(
        settings, f"listmonk http://127.0.0.1:1 {LIST}", clock
    )
    accepted = [
        found.request(f"{number}@example.net", "en", "network")
        for number in range(20)
    ]
    assert sum(accepted) == PER_NETWORK.burst
    assert found.request("other@example.net", "en", "another network")


async def test_sealed_address_is_read_with_the_sellers_identity_alone(
    settings: Settings, clock: Clock
) -> None:
    identity = pyrage.x25519.Identity.generate()
    found = subscriptions(settings, str(identity.to_public()), clock)
    settings.data.mkdir(exist_ok=True)
    for name in ("ada", "a-very-long-name-that-shows-by-its-length"):
        assert found.request(f"{name}@example.net", "pt-BR", name)
    await found.pass_on_due()
    path = settings.data / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_bytes().splitlines()
    texts = [
        pyrage.decrypt(base64.b64decode(each), [identity])
        for each in lines
        if each
    ]
    assert len({len(each) for each in texts}) == 1
    assert list(open_lines(lines, [identity])) == [
        NewsletterAddress("ada@example.net", "pt-BR", "2027-01-15"),
        NewsletterAddress(
            "a-very-long-name-that-shows-by-its-length@example.net",
            "pt-BR",
            "2027-01-15",
        ),
    ]
    # As the documentation reads it, with any program for age.
    assert json.loads(texts[0]) == ["ada@example.net", "pt-BR", "2027-01-15"]
    other = pyrage.x25519.Identity.generate()
    for wrong in (lines[1:2], [b"junk"], [base64.b64encode(b"junk")]):
        assert list(open_lines([b"", *wrong], [other])) == [UnreadableLine(2)]


async def test_address_waits_while_the_file_cannot_be_written(
    settings: Settings, clock: Clock
) -> None:
    identity = pyrage.x25519.Identity.generate()
    found = subscriptions(settings, str(identity.to_public()), clock)
    # There is no data folder yet.
    found.request(TO, "en", "network")
    await found.pass_on_due()
    assert found.waiting == 1
    settings.data.mkdir()
    clock.now += 10
    await found.pass_on_due()
    assert found.waiting == 0
    assert (settings.data / FILE_NAME).stat().st_size


async def test_address_that_a_full_disk_cuts_short_is_written_again(
    settings: Settings, clock: Clock
) -> None:
    identity = pyrage.x25519.Identity.generate()
    found = subscriptions(settings, str(identity.to_public()), clock)
    settings.data.mkdir(exist_ok=True)
    path = settings.data / FILE_NAME
    addresses = [f"{name}@example.net" for name in ("ada", "bob", "eve")]
    found.request(addresses[0], "en", "network")
    await found.pass_on_due()
    size = path.stat().st_size
    for address in addresses[1:]:
        found.request(address, "en", "network")
    with max_file_size(size + 100):
        await found.pass_on_due()
    assert path.stat().st_size == size + 100
    assert found.waiting == 2
    clock.now += 10
    await found.pass_on_due()
    assert found.waiting == 0
    read = list(open_lines(path.read_bytes().splitlines(), [identity]))
    assert [each for each in read if isinstance(each, UnreadableLine)] == [
        UnreadableLine(4)
    ]
    assert [
        each.address for each in read if isinstance(each, NewsletterAddress)
    ] == addresses


def test_mistyped_key_is_refused_at_the_start(
    settings: Settings, clock: Clock
) -> None:
    key = str(pyrage.x25519.Identity.generate().to_public())
    wrong = key[:-1] + ("q" if key[-1] != "q" else "p")
    with pytest.raises(WrongSetting, match="mistyped"):
        subscriptions(settings, wrong, clock)
