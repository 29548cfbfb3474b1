"""Handing mails to a relay: over TLS that is verified, and in bounded time.

Who it is handed to signs it (DKIM) and finds the recipient's server; that is
not done here.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum
from ipaddress import ip_address
from typing import Final, Protocol, Self
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
from msrv.mail.errors import Away, Later, Never, NoSmtpUtf8

COMMAND_SECONDS: Final = 30.0
LETTER_SECONDS: Final = 120.0
_FOR_GOOD: Final = 500


class Tls(Enum):
    """How the connection is secured."""

    IMPLICIT = "from the first byte"
    STARTTLS = "by STARTTLS, or not at all"
    NONE = "not: it doesn't leave this machine"


@dataclass(frozen=True, slots=True)
class Account:
    """A relay, and how to come in."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Read `smtps://user:password@host:465` or `smtp://host:587`.

        Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("not a relay's address")
        if parts.scheme == "smtps":
            tls = Tls.IMPLICIT
        else:
            tls = Tls.NONE if _is_here(parts.hostname) else Tls.STARTTLS
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls is Tls.IMPLICIT else 587),
            tls=tls,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


class Session(Protocol):
    """A connection to a relay, over which any number of mails can go."""

    async def send(self, mail: EmailMessage, sender: str, to: str) -> None:
        """Hand a mail over. Raises Later, Never, Away."""
        ...


class Relay:
    """Opens sessions with one relay.

    `context` is what its certificate is checked with: by default as this
    machine checks everyone's.
    """

    def __init__(
        self, account: Account, context: ssl.SSLContext | None = None
    ) -> None:
        self._account = account
        self._context = context

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Connect, and disconnect in the end. Raises Away."""
        account = self._account
        if self._context is None and account.tls is not Tls.NONE:
            # It reads every authority's certificate from the disk.
            self._context = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            username=account.user or None,
            password=account.password or None,
            use_tls=account.tls is Tls.IMPLICIT,
            start_tls=account.tls is Tls.STARTTLS,
            tls_context=self._context,
            timeout=COMMAND_SECONDS,
        )
        try:
            async with asyncio.timeout(LETTER_SECONDS):
                await client.connect()
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise Away(_words(error)) from error
        try:
            yield _Session(client)
            # Only after what went well: a relay that hangs is not waited for,
            # least of all by a store that is to end.
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(COMMAND_SECONDS):
                    await client.quit()
        finally:
            client.close()


class _Session:
    """Satisfies Session."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, mail: EmailMessage, sender: str, to: str) -> None:
        """Hand a mail over. Raises Later, Never, Away."""
        needs_smtputf8 = addresses.needs_smtputf8(to)
        options = ["SMTPUTF8"] if needs_smtputf8 else []
        try:
            async with asyncio.timeout(LETTER_SECONDS):
                await self._client.sendmail(
                    sender, [to], mail.as_bytes(), mail_options=options
                )
        except SMTPNotSupported as error:
            raise NoSmtpUtf8(
                "the address has letters outside ASCII before the @, and the "
                "relay doesn't offer SMTPUTF8"
            ) from error
        except SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0]) from error
        except SMTPSenderRefused as error:
            if needs_smtputf8:
                # What it refused may be the option, and is of this letter.
                raise _refused(error) from error
            # It is us that it doesn't like: no letter would get through.
            raise Away(_words(error)) from error
        except (SMTPDataError, SMTPRecipientRefused) as error:
            raise _refused(error) from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise Away(_words(error)) from error


def _refused(error: SMTPResponseException) -> Later | Never:
    kind = Never if error.code >= _FOR_GOOD else Later
    return kind(_words(error))


def _words(error: Exception) -> str:
    """Say what is wrong in a line. A relay may repeat an address: not we."""
    if isinstance(error, SMTPResponseException):
        text = " ".join(str(error.message).split())
        words = [word for word in text.split() if "@" not in word]
        return f"{error.code} {' '.join(words)}"[:200]
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    # What it was: behind "error connecting", a certificate that is wrong.
    said = str(error)
    why = str(error.__cause__ or error.__context__ or "")
    if why not in said:
        said += f" {why}"
    line = " ".join(said.split())[:200]
    return line or type(error).__name__


def _is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
