# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Draft of a privacy text, of what a store with these settings keeps.

Each sentence states what the code does, so that a change there is one here.
What only the seller knows is in brackets.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from msrv.catalog.model import Shop
from msrv.catalog.texts.legal_texts import LegalKind
from msrv.settings import Settings
from msrv.settings.delivery_types import SENT_BY_OTHERS
from msrv.translations import gettext as _
from msrv.translations import gettext_noop

_ADDRESSES: Final = {
    "full": gettext_noop("The log has your IP address."),
    "network": gettext_noop(
        "The log has a shortened IP address, which doesn't identify you."
    ),
    "none": gettext_noop("The log doesn't have your IP address."),
}


def privacy_text(settings: Settings, shop: Shop) -> str:
    """Return the text as Markdown, in the current language."""
    blocks = [
        f"# {_('Privacy')}",
        _(
            "This text says which personal data %(store)s processes, why, and "
            "for how long.",
            store=shop.name,
        ),
        *_section(_("Who is responsible"), _controller(shop)),
        *_section(_("Visiting the store"), _visits(settings)),
        *_section(_("Cookies and your browser's storage"), _cookies()),
        *_section(_("Buying"), _orders(settings, shop)),
        *_section(_("Email"), _mail(settings)),
        *_section(_("Your rights"), _rights()),
        *_notes(settings, shop),
    ]
    return "\n\n".join(blocks) + "\n"


def _section(title: str, sentences: Iterator[str]) -> Iterator[str]:
    yield f"## {title}"
    yield from sentences


def _controller(shop: Shop) -> Iterator[str]:
    yield _("[Your name and your postal address]")
    if shop.contact:
        yield _("Contact: %(contact)s", contact=shop.contact)


def _visits(settings: Settings) -> Iterator[str]:
    yield _(
        "The server logs the time and kind of each request, the status and "
        "the size of the response, and never its address or what you searched "
        "for. This is needed to find errors and attacks (Article 6(1)(f) "
        "GDPR)."
    )
    yield _(_ADDRESSES[settings.log_addresses])
    yield _("Logs are deleted after [number] days.")
    yield _(
        "To limit attacks, the server counts requests by network address, in "
        "its memory alone."
    )
    yield _(
        "There is no tracking, no advertising and no profile of you, and the "
        "pages load nothing from other servers."
    )


def _cookies() -> Iterator[str]:
    yield _(
        "The store sets a cookie only when you do something that needs it: it "
        "keeps your cart, a discount, your language, a code that you redeem "
        "or a payment that you started. None of them identifies you, and none "
        "is kept for longer than 30 days."
    )
    yield _(
        "Receipts that you open are kept in your browser's own storage, so "
        "that you find them again, and so are the format that you chose and "
        "where you stopped listening. The store doesn't get them. You can "
        "delete them there or in the browser's settings."
    )


def _orders(settings: Settings, shop: Shop) -> Iterator[str]:
    yield _(
        "For each order the store keeps its number and time, what was bought "
        "for which price, the payment service's number of the payment, "
        "refunds, and which parts of the files were downloaded when. If you "
        "agreed to immediate delivery, it keeps the wording, its language and "
        "the time. It keeps no name and no address of yours."
    )
    yield _(
        "This is needed for the contract and its proof (Article 6(1)(b) "
        "GDPR), and for bookkeeping (Article 6(1)(c) GDPR). It is kept for "
        "[number] years."
    )
    if settings.stripe_key is not None:
        yield _(
            "Payments are processed by Stripe, on Stripe's own page. Stripe "
            "gets what you order and, if you typed it here, your email "
            "address, and asks you for what it needs for the payment. Its "
            "privacy text is at %(address)s",
            address="https://stripe.com/privacy",
        )
        yield _(
            "For the tax, the store keeps the country of your billing address "
            "and that of your means of payment, as Stripe states them, with "
            "the tax and its rate, and whether you stated a tax number "
            "(Article 6(1)(c) GDPR)."
        )
    if shop.legal.invoices is not None:
        yield _(
            "An invoice is made of what was paid, and kept as long. It has "
            "the order's number and your country, if that is known. A name "
            "and an address that you type for it are in the file that you "
            "get, and not kept."
        )
    if settings.takes_simulated_payments:
        yield _("Payments in this store are simulated: no money moves.")


def _mail(settings: Settings) -> Iterator[str]:
    if settings.smtp_url is None:
        yield _("The store sends no email.")
        return
    host = urlsplit(settings.smtp_url.get_secret_value()).hostname or ""
    yield _(
        "If you type your email address, the receipt is sent to it, through "
        "the mail server %(host)s. The address is deleted when the mail has "
        "been sent, or couldn't be sent for four days. Until you have paid it "
        "is part of the order's data at the payment service.",
        host=host,
    )
    yield _(
        "The same is true of the address, the name and the note of a gift, "
        "which are encrypted on the way to its recipient."
    )
    if settings.stripe_key is not None:
        yield _(
            "If you ask to hear when something that you bought is corrected "
            "or extended, the store keeps that with the number of your order "
            "and your language, until you stop these emails (Article 6(1)(a) "
            "GDPR). It asks the payment service for your address each time, "
            "and deletes it when the mail has been sent, or couldn't be sent "
            "for four days."
        )


def _notes(settings: Settings, shop: Shop) -> Iterator[str]:
    """Yield what the seller has to state in their own words, in English."""
    if settings.address_index_key is not None:
        yield (
            "[State under “Buying”: with MSRV_ADDRESS_INDEX_KEY the store "
            "keeps a keyed digest (HMAC) of the email address of each order, "
            "by which its buyer finds it again. `msrv legal erase` erases it.]"
        )
    if settings.newsletter is not None:
        yield (
            "[State under “Email”: with MSRV_NEWSLETTER the addresses of "
            "those who asked for the newsletter are passed on, to whom and "
            "for how long.]"
        )
    if settings.webhooks is not None:
        yield (
            "[State under “Buying”: with MSRV_WEBHOOKS orders are reported to "
            "other programs, which, and what these keep.]"
        )
    if settings.delivery in SENT_BY_OTHERS:
        yield (
            f"[State under “Buying”: with MSRV_DELIVERY={settings.delivery} "
            "files are sent by another company's servers, which get the "
            "buyer's IP address and the download link: whose, and for how "
            "long they keep it.]"
        )
    if LegalKind.WITHDRAWAL in shop.legal.kinds:
        yield (
            "[State under “Email”: the name and the address in a withdrawal "
            "are in the mails to the buyer and to you, and for how long you "
            "keep yours.]"
        )


def _rights() -> Iterator[str]:
    yield _(
        "You can ask us which of your data we have, and to correct or delete "
        "it, to restrict its use, or to give it to you in a common format. "
        "Please state the number of your order: the store knows you by "
        "nothing else. What the law obliges us to keep can't be deleted."
    )
    yield _(
        "You can object to a use that rests on Article 6(1)(f) GDPR, and "
        "complain to a data protection authority."
    )
