"""Stripe Checkout as a payment provider."""

import logging
from typing import Final, Self

from msrv.money import Money
from msrv.payments.errors import AmountNotTaken, NoSuchPayment
from msrv.payments.provider import Answer, Bill, Ear, PayAt, Settled
from msrv.payments.stripe import sessions
from msrv.payments.stripe.amounts import to_stripe
from msrv.payments.stripe.client import NAME, AmountRefused, Api, Queue
from msrv.payments.stripe.webhooks import Messages
from msrv.proofs.quotes import Quote
from msrv.settings import Settings

log = logging.getLogger(__name__)

_CHECKOUT: Final = "https://checkout.stripe.com"


class Stripe:
    """Takes what costs something, at Stripe's page. Satisfies Provider."""

    name = NAME
    page = None

    def __init__(
        self, api: Api, *, live: bool, tax: bool, origins: tuple[str, ...]
    ) -> None:
        self._api = api
        self._live = live
        self._tax = tax
        self.origins = origins
        self.label = "Pay" if live else "Pay (test mode)"
        self.ear: Ear | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the keys from the settings, which hold one."""
        assert settings.stripe_key is not None  # noqa: S101 - the registry's
        key, base = settings.stripe_key.get_secret_value(), settings.stripe_api
        api = Api(key, base)
        live = settings.stripe_is_live
        made = cls(
            api,
            live=live,
            tax=settings.stripe_tax,
            origins=(base or _CHECKOUT,),
        )
        if settings.stripe_webhook_secret is not None:
            secret = settings.stripe_webhook_secret.get_secret_value()
            made.ear = Messages(api, secret, live=live)
        else:
            log.warning(
                "MSRV_STRIPE_WEBHOOK_SECRET is not set: nothing is heard of "
                "refunds, or of payments that arrive days later"
            )
        return made

    def takes(self, quote: Quote) -> bool:
        """Take what costs something that Stripe has units for."""
        amounts = [Money(quote.total_minor, quote.currency)]
        amounts += [
            Money(line.price_minor, quote.currency) for line in quote.lines
        ]
        return quote.total_minor > 0 and all(
            to_stripe(each) is not None for each in amounts
        )

    async def begin(self, bill: Bill) -> PayAt:
        """Make a session for a bill, or find the one that was made for it.

        Raises ProviderAway and AmountNotTaken.
        """
        params = sessions.ask(bill, tax=self._tax)
        key = sessions.idempotency_key(params)
        try:
            session, again = await self._api.create_session(params, key)
        except AmountRefused as error:
            quote = bill.quote
            total = Money(quote.total_minor, quote.currency)
            raise AmountNotTaken(total) from error
        if again:
            # What comes again is the session as it was when it was new.
            session = await self._api.session(session["id"], Queue.CHECKOUT)
        if not session.get("url"):
            return PayAt(sessions.return_path(session["id"], bill))
        return PayAt(session["url"])

    async def settle(self, answer: Answer) -> Settled:
        """Ask Stripe how the session stands that a buyer comes back from.

        Raises ProviderAway (ProviderBusy at once, when many are looked up),
        and NoSuchPayment for what is no session of ours.
        """
        session_id = answer.fields.get("session_id", "")
        if not sessions.is_session_id(session_id, live=self._live):
            raise NoSuchPayment
        return sessions.read(await self._api.look_up(session_id))

    async def aclose(self) -> None:
        """Close the connections to Stripe."""
        await self._api.aclose()
