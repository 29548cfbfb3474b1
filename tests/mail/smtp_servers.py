# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Real SMTP servers on loopback, correct and faulty ones."""

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from msrv.mail.smtp import SmtpClient, SmtpSettings, TlsMode

USER = "shop"
PASSWORD = "p@ss/word"


@dataclass
class Handler:
    """Takes mails, and answers as it is told to.

    `rcpt`, `sender` and `data` are answers instead of yes, by turns.
    """

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    sender: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dies: int = 0
    forgets_to_answer: int = 0
    hangs: int = 0
    kills: Callable[[], None] | None = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self,
        server: SMTP,  # noqa: ARG002 - as above
        session: Session,  # noqa: ARG002 - as above
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self.sender:
            return self.sender.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self,
        server: SMTP,  # noqa: ARG002 - as above
        session: Session,  # noqa: ARG002 - as above
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002 - as above
    ) -> str:
        self.asked.append(address)
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002 - as above
        envelope: Envelope,
    ) -> str:
        if self.dies:
            self.dies -= 1
            cast("asyncio.Transport", server.transport).abort()
            return "250 nobody hears it"
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        if self.data:
            return self.data.pop(0)
        content = cast("bytes", envelope.content)
        self.mails.append(email.message_from_bytes(content, policy=POLICY))
        self.envelopes.append(envelope)
        context = cast("asyncio.Transport", server.transport).get_extra_info(
            "sslcontext"
        )
        self.secure.append(context is not None)
        if self.kills is not None:
            self.kills()
        if self.forgets_to_answer:
            self.forgets_to_answer -= 1
            cast("asyncio.Transport", server.transport).abort()
        return "250 OK"

    def authenticate(
        self,
        server: SMTP,  # noqa: ARG002 - as above
        session: Session,  # noqa: ARG002 - as above
        envelope: Envelope,  # noqa: ARG002 - as above
        mechanism: str,  # noqa: ARG002 - as above
        given: Any,  # noqa: ANN401 - as above
    ) -> AuthResult:
        good = isinstance(given, LoginPassword) and (
            given.login,
            given.password,
        ) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)


@dataclass(frozen=True)
class Authority:
    """Certificate authority of the servers, and a context that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def make(cls, name: str = "127.0.0.1") -> "Authority":
        ca = trustme.CA()
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert(name).configure_cert(server)
        client = ssl.create_default_context()
        ca.configure_trust(client)
        return cls(server, client)


@contextlib.asynccontextmanager
async def serving(
    protocol: Callable[[], asyncio.BaseProtocol],
    *,
    context: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve on loopback; the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def relay(
    handler: Handler,
    tls: TlsMode,
    authority: Authority,
    *,
    trusts: Authority | None = None,
    user: str = USER,
    password: str = PASSWORD,
    port: int = 0,
    smtputf8: bool = False,
) -> AsyncIterator[SmtpClient]:
    """Run a server in one TLS mode, and yield a client of it."""

    def protocol() -> SMTP:
        secure = tls is TlsMode.STARTTLS
        return SMTP(
            handler,
            hostname="relay.test",
            tls_context=authority.server if secure else None,
            require_starttls=secure,
            authenticator=None
            if tls is TlsMode.NONE
            else handler.authenticate,
            auth_required=secure,
            auth_require_tls=secure,
            enable_SMTPUTF8=smtputf8,
            loop=asyncio.get_running_loop(),
        )

    context = authority.server if tls is TlsMode.IMPLICIT else None
    async with serving(protocol, context=context, port=port) as found:
        account = SmtpSettings(
            "127.0.0.1",
            found,
            tls,
            user if tls is not TlsMode.NONE else "",
            password if tls is not TlsMode.NONE else "",
        )
        yield SmtpClient(account, (trusts or authority).client)
