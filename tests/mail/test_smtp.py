# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The SMTP client with real servers: verified TLS, and every rejection."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP

from msrv.mail import smtp as room
from msrv.mail.smtp import (
    MailRejected,
    PermanentFailure,
    SmtpClient,
    SmtpError,
    SmtpSettings,
    SmtpUnavailable,
    SmtpUtf8Unsupported,
    TemporaryFailure,
    TlsMode,
)
from msrv.proofs.keyring import Keyring
from tests.mail.sample_mails import TO, renderer, sample_mail
from tests.mail.smtp_servers import Authority, Handler, relay, serving
from tests.polling import wait_until
from tests.store_process import free_port

SENDER = "shop@example.org"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


async def send(to: SmtpClient, keyring: Keyring, times: int = 1) -> None:
    """Hand so many letters over, in one session."""
    async with to.session() as session:
        for number in range(times):
            mail = renderer(keyring).render(sample_mail(number))
            await session.send(mail, SENDER, TO)


@pytest.mark.parametrize(
    "tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT, TlsMode.NONE]
)
async def test_mail_arrives_in_each_tls_mode(
    tls: TlsMode, authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    async with relay(handler, tls, authority) as found:
        await send(found, keyring, 3)
    assert handler.secure == [tls is not TlsMode.NONE] * 3
    assert [each["To"] for each in handler.mails] == [TO] * 3
    for envelope in handler.envelopes:
        assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [TO])
    assert len({each["Message-ID"] for each in handler.mails}) == 3


@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_server_with_a_wrong_certificate_gets_no_mail(
    tls: TlsMode, wrong: str, authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    server, trusts = authority, Authority.make()
    if wrong == "name":
        server = trusts = Authority.make("relay.example")
    said = re.compile("certificate", re.IGNORECASE)
    async with relay(handler, tls, server, trusts=trusts) as found:
        with pytest.raises(SmtpUnavailable, match=said):
            await send(found, keyring)
    assert handler.asked == []


async def test_server_without_starttls_gets_no_mail(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    async with serving(
        lambda: SMTP(handler, loop=asyncio.get_running_loop())
    ) as port:
        account = SmtpSettings("127.0.0.1", port, TlsMode.STARTTLS)
        with pytest.raises(SmtpUnavailable):
            await send(SmtpClient(account, authority.client), keyring)
    assert handler.asked == []


async def test_wrong_password_is_smtp_unavailable(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    async with relay(
        handler, TlsMode.STARTTLS, authority, password="no"
    ) as found:
        with pytest.raises(SmtpUnavailable, match="535"):
            await send(found, keyring)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Handler(rcpt=["450 greylisted"]), TemporaryFailure),
        (Handler(rcpt=["550 no such buyer"]), PermanentFailure),
        (Handler(data=["451 come back"]), TemporaryFailure),
        (Handler(rcpt=["550 5.1.1 no such buyer"]), PermanentFailure),
        (Handler(rcpt=["550 5.1.10 null MX"]), PermanentFailure),
        (Handler(rcpt=["550 5.2.1 disabled"]), PermanentFailure),
        (Handler(rcpt=["551 moved"]), PermanentFailure),
        (Handler(rcpt=["553 not an address (#5.1.3)"]), PermanentFailure),
        (Handler(data=["550 5.1.1 no such buyer"]), PermanentFailure),
        (Handler(rcpt=["530 5.7.0 authenticate first"]), MailRejected),
        (Handler(rcpt=["535 5.7.8 wrong password"]), MailRejected),
        (Handler(rcpt=["550 5.1.0 sender unknown"]), MailRejected),
        (Handler(rcpt=["550 5.1.8 sender's domain unknown"]), MailRejected),
        (Handler(rcpt=["552 quota exceeded"]), MailRejected),
        (Handler(rcpt=["552 5.2.2 your mailbox is full"]), MailRejected),
        (Handler(rcpt=["553 5.7.1 Sender address rejected"]), MailRejected),
        (Handler(rcpt=["553 not in rcpthosts (#5.7.1)"]), MailRejected),
        (Handler(rcpt=["554 5.7.1 Relay access denied"]), MailRejected),
        (Handler(data=["550 5.4.5 Daily limit exceeded"]), MailRejected),
        (Handler(data=["550 limit exceeded"]), MailRejected),
        (Handler(data=["554 address is not verified"]), MailRejected),
        (Handler(data=["554 5.2.0 SendAsDenied"]), MailRejected),
        (Handler(sender=["550 not you"]), SmtpUnavailable),
        (Handler(sender=["450 not now"]), SmtpUnavailable),
        (Handler(dies=1), SmtpUnavailable),
    ],
)
async def test_replies_map_to_errors(
    told: Handler,
    error: type[SmtpError],
    authority: Authority,
    keyring: Keyring,
) -> None:
    async with relay(told, TlsMode.STARTTLS, authority) as found:
        with pytest.raises(error) as raised:
            await send(found, keyring)
        assert TO not in str(raised.value)
        assert type(raised.value) is error
        if error is not SmtpUnavailable:
            await send(found, keyring)
    assert len(told.mails) == (error is not SmtpUnavailable)


async def test_session_continues_after_a_rejected_recipient(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler(rcpt=["550 no such buyer"])
    async with (
        relay(handler, TlsMode.STARTTLS, authority) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail())
        with pytest.raises(PermanentFailure):
            await session.send(mail, SENDER, TO)
        await session.send(mail, SENDER, TO)
    assert len(handler.mails) == 1


async def test_address_in_a_reply_is_not_in_the_error(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler(rcpt=[f"550 <{TO}>: unknown {TO} here"])
    async with relay(handler, TlsMode.NONE, authority) as found:
        with pytest.raises(PermanentFailure) as raised:
            await send(found, keyring)
    assert str(raised.value) == "550 unknown here"


ABROAD = "jörg@example.net"


async def test_non_ascii_recipient_is_sent_with_smtputf8(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    async with (
        relay(handler, TlsMode.STARTTLS, authority, smtputf8=True) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail(to=ABROAD))
        await session.send(mail, SENDER, ABROAD)
        # And an ordinary one over the same connection.
        await session.send(
            renderer(keyring).render(sample_mail(2)), SENDER, TO
        )
    first, second = handler.envelopes
    assert first.rcpt_tos == [ABROAD]
    assert "SMTPUTF8" in first.mail_options
    assert f"To: {ABROAD}\r\n".encode() in (first.content or b"")
    assert "SMTPUTF8" not in second.mail_options


async def test_server_without_smtputf8_is_a_permanent_failure_with_the_reason(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler()
    async with (
        relay(handler, TlsMode.STARTTLS, authority) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail(to=ABROAD))
        with pytest.raises(
            SmtpUtf8Unsupported, match="doesn't offer SMTPUTF8"
        ):
            await session.send(mail, SENDER, ABROAD)
        await session.send(
            renderer(keyring).render(sample_mail(2)), SENDER, TO
        )
    assert handler.asked == [TO]


async def test_rejected_smtputf8_option_affects_only_its_mail(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler(sender=["555 no SMTPUTF8 after all"])
    async with (
        relay(handler, TlsMode.STARTTLS, authority, smtputf8=True) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail(to=ABROAD))
        with pytest.raises(PermanentFailure, match="555"):
            await session.send(mail, SENDER, ABROAD)
        await session.send(
            renderer(keyring).render(sample_mail(2)), SENDER, TO
        )
    assert handler.asked == [TO]


async def test_rejected_sender_affects_no_address_for_good(
    authority: Authority, keyring: Keyring
) -> None:
    handler = Handler(sender=["553 5.7.1 not your address"])
    async with (
        relay(handler, TlsMode.STARTTLS, authority, smtputf8=True) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail(to=ABROAD))
        with pytest.raises(MailRejected, match=r"553 5\.7\.1"):
            await session.send(mail, SENDER, ABROAD)


async def test_long_store_name_arrives_as_one_sender(
    authority: Authority, keyring: Keyring
) -> None:
    name = (
        "Wet Coats, The Complete Works Of Everybody Who Ever Rehearsed In "
        "That Cellar"
    )
    handler = Handler()
    async with (
        relay(handler, TlsMode.STARTTLS, authority) as found,
        found.session() as session,
    ):
        mail = renderer(keyring).render(sample_mail(store=name))
        await session.send(mail, SENDER, TO)
    (sender,) = handler.mails[0]["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, SENDER)


class _Silent(asyncio.Protocol):
    """Says so much, and then nothing."""

    def __init__(self, first: bytes, open_: list[asyncio.Transport]) -> None:
        self._first = first
        self._open = open_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._open.append(transport)
        transport.write(self._first)


@contextlib.asynccontextmanager
async def silent(first: bytes) -> AsyncIterator[SmtpClient]:
    open_: list[asyncio.Transport] = []
    async with serving(lambda: _Silent(first, open_)) as port:
        try:
            yield SmtpClient(SmtpSettings("127.0.0.1", port, TlsMode.NONE))
        finally:
            for each in open_:
                each.abort()


@pytest.mark.parametrize(
    "first",
    [b"", b"220 relay.test\r\n", b"220-relay\r\n", b"HTTP/1.1 400\r\n"],
)
async def test_hanging_server_is_smtp_unavailable(
    first: bytes, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "COMMAND_SECONDS", 0.2)
    monkeypatch.setattr(room, "MAIL_SECONDS", 0.5)
    async with silent(first) as found, asyncio.timeout(60):
        with pytest.raises(SmtpUnavailable):
            await send(found, keyring)


async def test_hanging_server_does_not_delay_shutdown(
    keyring: Keyring, authority: Authority
) -> None:
    handler = Handler(hangs=1)
    async with relay(handler, TlsMode.STARTTLS, authority) as found:
        sending = asyncio.create_task(send(found, keyring))
        await wait_until(lambda: handler.hangs == 0)
        async with asyncio.timeout(15):
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        assert sending.cancelled()


async def test_server_that_is_down_is_smtp_unavailable(
    keyring: Keyring,
) -> None:
    account = SmtpSettings("127.0.0.1", free_port(), TlsMode.NONE)
    with pytest.raises(SmtpUnavailable):
        await send(SmtpClient(account), keyring)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        (
            "smtps://shop:p%40ss%2Fword@mail.example:465",
            SmtpSettings(
                "mail.example", 465, TlsMode.IMPLICIT, "shop", "p@ss/word"
            ),
        ),
        (
            "smtps://mail.example",
            SmtpSettings("mail.example", 465, TlsMode.IMPLICIT),
        ),
        (
            "smtp://mail.example",
            SmtpSettings("mail.example", 587, TlsMode.STARTTLS),
        ),
        ("smtp://10.0.0.1:25", SmtpSettings("10.0.0.1", 25, TlsMode.STARTTLS)),
        ("smtp://localhost:25", SmtpSettings("localhost", 25, TlsMode.NONE)),
        ("smtp://[::1]:25", SmtpSettings("::1", 25, TlsMode.NONE)),
        ("smtp://127.0.0.9", SmtpSettings("127.0.0.9", 587, TlsMode.NONE)),
    ],
)
def test_smtp_url_is_parsed(url: str, account: SmtpSettings) -> None:
    assert SmtpSettings.parse(url) == account
    assert "p@ss" not in repr(account)
