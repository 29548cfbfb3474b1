# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SMTP client: over verified TLS, and with a time limit on every step.

The SMTP server that takes the mails signs them (DKIM) and finds the
recipients' servers; neither is done here.

- `SmtpError`: a mail that couldn't be sent
    - `SmtpUnavailable`: the server can't be used, for any mail
    - `TemporaryFailure`: the server doesn't accept this mail now
        - `MailRejected`: not for the sake of its recipient (5xx)
    - `PermanentFailure`: the server will never accept this recipient (5xx)
        - `SmtpUtf8Unsupported`: it accepts no addresses outside ASCII
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from msrv.mail import addresses
from msrv.mail.addresses import MailError

COMMAND_SECONDS: Final = 30.0
MAIL_SECONDS: Final = 120.0
_REJECTED_CODE: Final = 500
# RFC 3463: first in the reply, or where qmail has it.
_STATUS: Final = re.compile(
    r"\A\s*([245]\.\d{1,3}\.\d{1,3})\b|\(#([245]\.\d{1,3}\.\d{1,3})\)"
)
# What is wrong with a recipient's address, and no other: of the rest, 5.1.0,
# 5.1.7 and 5.1.8 are about the sender's with Postfix, 5.2.2 and 5.2.252 about
# its mailbox with Exchange, 5.7.x about its rights.
_WRONG_RECIPIENT: Final = frozenset(
    {
        *("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.5", "5.1.6", "5.1.10"),
        *("5.2.1", "5.6.7"),
    }
)
_WRONG_RECIPIENT_CODES: Final = frozenset({550, 551, 553})
"""Replies to RCPT that mean the same without a status code (RFC 5321)."""
_NO_SUCH_OPTION: Final = frozenset({555})


class TlsMode(Enum):
    """Security of the connection."""

    IMPLICIT = "implicit"
    STARTTLS = "STARTTLS, required"
    NONE = "none: the server is on this machine"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Address of an SMTP server, and the credentials for it."""

    host: str
    port: int
    tls: TlsMode
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse `smtps://user:password@host:465` or `smtp://host:587`.

        Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("not an SMTP server's URL")
        if parts.scheme == "smtps":
            tls = TlsMode.IMPLICIT
        else:
            tls = (
                TlsMode.NONE if _is_local(parts.hostname) else TlsMode.STARTTLS
            )
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls is TlsMode.IMPLICIT else 587),
            tls=tls,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


class SmtpError(MailError):
    """Base class of SMTP errors."""


class SmtpUnavailable(SmtpError):
    """The server is down, rejects the store, hangs, or can't be verified."""


class TemporaryFailure(SmtpError):
    """The server may accept this mail later."""


class MailRejected(TemporaryFailure):
    """The server rejects this mail (5xx), but not for its recipient.

    What is wrong is perhaps the sender's address, its rights or a limit: that
    can be corrected before the mail is given up. Of a reply that doesn't say
    what is wrong, this is assumed as well: a mistake delays a mail, while the
    opposite one would lose all.
    """


class PermanentFailure(SmtpError):
    """The server rejects this recipient for good (5xx)."""


class SmtpUtf8Unsupported(PermanentFailure):
    """The server doesn't offer SMTPUTF8, which this address needs."""


class SmtpClient:
    """Client of one SMTP server.

    `context` verifies its certificate, by default with the authorities that
    this machine trusts.
    """

    def __init__(
        self, settings: SmtpSettings, context: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._context = context

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["SmtpSession"]:
        """Connect, and disconnect at the end. Raises SmtpUnavailable."""
        settings = self._settings
        if self._context is None and settings.tls is not TlsMode.NONE:
            # Blocks: it reads all authorities' certificates from the disk.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password or None,
            use_tls=settings.tls is TlsMode.IMPLICIT,
            start_tls=settings.tls is TlsMode.STARTTLS,
            tls_context=self._context,
            timeout=COMMAND_SECONDS,
        )
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                await client.connect()
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise SmtpUnavailable(_message(error)) from error
        try:
            yield SmtpSession(client)
            # Only after success: a server that hangs is not waited for, least
            # of all by a store that is stopping.
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(COMMAND_SECONDS):
                    await client.quit()
        finally:
            client.close()


class SmtpSession:
    """A connection over which any number of mails can be sent."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, message: EmailMessage, sender: str, to: str) -> None:
        """Send a mail.

        Raises TemporaryFailure, PermanentFailure and SmtpUnavailable.
        """
        needs_smtputf8 = addresses.needs_smtputf8(to)
        options = ["SMTPUTF8"] if needs_smtputf8 else []
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                await self._client.sendmail(
                    sender, [to], message.as_bytes(), mail_options=options
                )
        except SMTPNotSupported as error:
            raise SmtpUtf8Unsupported(
                "the address has non-ASCII characters before the @, and the "
                "server doesn't offer SMTPUTF8"
            ) from error
        except SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _failure(refused, _WRONG_RECIPIENT_CODES) from error
        except SMTPSenderRefused as error:
            if needs_smtputf8:
                # It may have rejected the option, which is for this mail.
                raise _failure(error, _NO_SUCH_OPTION) from error
            # It rejects our own address: no mail would be accepted.
            raise SmtpUnavailable(_message(error)) from error
        except SMTPDataError as error:
            # The recipient was accepted before.
            raise _failure(error) from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise SmtpUnavailable(_message(error)) from error


def _failure(
    error: SMTPResponseException, codes: Collection[int] = ()
) -> TemporaryFailure | PermanentFailure:
    """Return what a reply means; `codes` suffice for a permanent failure."""
    text = _message(error)
    if error.code < _REJECTED_CODE:
        return TemporaryFailure(text)
    found = _STATUS.search(str(error.message))
    is_permanent = (
        error.code in codes
        if found is None
        else (found[1] or found[2]) in _WRONG_RECIPIENT
    )
    return PermanentFailure(text) if is_permanent else MailRejected(text)


def _message(error: Exception) -> str:
    """Return one line for an operator, without the buyer's address.

    Servers often repeat it in their replies.
    """
    if isinstance(error, SMTPResponseException):
        text = " ".join(str(error.message).split())
        words = [word for word in text.split() if "@" not in word]
        return f"{error.code} {' '.join(words)}"[:200]
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    # The cause as well: behind "error connecting" is a bad certificate.
    text = str(error)
    why = str(error.__cause__ or error.__context__ or "")
    if why not in text:
        text += f" {why}"
    line = " ".join(text.split())[:200]
    return line or type(error).__name__


def _is_local(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
