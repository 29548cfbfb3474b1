# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""An order of two songs that was paid through Stripe, and its studio."""

import re
from typing import Any

from yarl import URL

from msrv.mail.receipt_mail import MailKind, ReceiptMail
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.stripe_objects import Json
from tests.store_parts import mail_of
from tests.web.studio.conftest import JSON, Studio

TO = "buyer@example.net"


class Sold:
    """An order of two songs, two euros, and the studio that refunds it."""

    def __init__(
        self, studio: Studio, bank: FakeStripe, session: Json, receipt: str
    ) -> None:
        self.studio, self.bank, self.session = studio, bank, session
        self.receipt = receipt
        self.order_id = ""

    @property
    def path(self) -> str:
        """Path of the order's page."""
        return f"/studio/orders/{self.order_id}"

    async def links(self) -> set[str]:
        """Which items the receipt still gives links to."""
        answer = await self.studio.store.get(self.receipt, headers=JSON)
        return set((await answer.json())["downloads"])

    async def confirm(self, **query: str) -> dict[str, Any]:
        """Return what is asked to be confirmed."""
        url = URL(f"{self.path}/refund").with_query(query)
        found: dict[str, Any] = await self.studio.data(str(url))
        return found

    async def press(self, number: str, **form: str) -> tuple[int, Any]:
        """Press the button of a confirmation page."""
        answer = await self.studio.post(
            f"{self.path}/refund", JSON, number=number, **form
        )
        return answer.status, await answer.json()

    async def story(self) -> str:
        """Return the text of the order's page."""
        page = await self.studio.text(self.path)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    def letters(self) -> list[ReceiptMail]:
        """Return the refund mails in the outbox."""
        outbox = mail_of(self.studio.store)._outbox
        found = [outbox.read(each) for each in outbox.pending()]
        return [
            each
            for each in found
            if isinstance(each, ReceiptMail) and each.kind is MailKind.REFUND
        ]
