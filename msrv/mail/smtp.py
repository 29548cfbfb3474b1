# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SMTP client: over verified TLS, and with a time limit on every step.

The SMTP server that takes the mails signs them (DKIM) and finds the
recipients' servers; neither is done here.

- `SmtpError`: a mail that couldn't be sent
    - `SmtpUnavailable`: the server can't be used, for any mail
    - `TemporaryFailure`: the server doesn't accept this mail now (4xx)
    - `PermanentFailure`: the server will never accept this mail (5xx)
        - `SmtpUtf8Unsupported`: it accepts no addresses outside ASCII
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
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
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from msrv.mail import addresses
from msrv.mail.addresses import MailError

COMMAND_SECONDS: Final = 30.0
MAIL_SECONDS: Final = 120.0
_PERMANENT_CODE: Final = 500


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
    """The server asks to send this mail again later (4xx)."""


class PermanentFailure(SmtpError):
    """The server rejects this mail (5xx)."""


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
            raise _failure(error.recipients[0]) from error
        except SMTPSenderRefused as error:
            if needs_smtputf8:
                # It may have rejected the option, which is for this mail.
                raise _failure(error) from error
            # It rejects our own address: no mail would be accepted.
            raise SmtpUnavailable(_message(error)) from error
        except (SMTPDataError, SMTPRecipientRefused) as error:
            raise _failure(error) from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise SmtpUnavailable(_message(error)) from error


def _failure(
    error: SMTPResponseException,
) -> TemporaryFailure | PermanentFailure:
    is_permanent = error.code >= _PERMANENT_CODE
    kind = PermanentFailure if is_permanent else TemporaryFailure
    return kind(_message(error))


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
