# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SMTP server without a network, whose replies a test scripts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.message import EmailMessage

from msrv.mail.smtp import SmtpClient, SmtpError, SmtpSession
from tests.mail.sample_mails import TO


class FakeServer(SmtpClient, SmtpSession):
    """SMTP server with scripted replies: errors, for one Message-ID or all.

    It accepts a mail at once, and replies after `answer_seconds`. `asked` are
    the ids of all mails that it was asked to accept.
    """

    def __init__(self, answer_seconds: float = 0) -> None:
        self.answer_seconds = answer_seconds
        self.away: SmtpError | None = None
        self.answers: dict[str, SmtpError] = {}
        self.mails: list[EmailMessage] = []
        self.asked: list[str] = []
        self.connections = 0

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[SmtpSession]:
        self.connections += 1
        if self.away is not None:
            raise self.away
        yield self

    async def send(self, mail: EmailMessage, sender: str, to: str) -> None:
        assert sender == "shop@example.org"
        assert to.endswith(TO)
        self.asked.append(_id_of(mail))
        answer = self.answers.get(mail["Message-ID"])
        if answer is not None:
            raise answer
        self.mails.append(mail)
        await asyncio.sleep(self.answer_seconds)

    @property
    def ids(self) -> list[str]:
        """Ids of the orders whose receipts it accepted."""
        return [_id_of(each) for each in self.mails]


def _id_of(mail: EmailMessage) -> str:
    return str(mail["Message-ID"]).strip("<>").partition("@")[0]
