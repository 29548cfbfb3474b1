# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operations of purchases: cart, checkout, payments, receipts and gifts."""

from collections.abc import Mapping
from typing import Final

from msrv.web.forms import PRICE_PREFIX
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.schema_types import (
    COUNT,
    SHA256,
    TEXT,
    Json,
    array,
    described,
    one_of,
    record,
)

_ITEMS: Final[Json] = described(array(TEXT), "ids of items; can be repeated")
_CODE: Final[Json] = described(TEXT, "a discount code")
_MAIL: Final[Json] = described(TEXT, "an email address")
_RECEIPT_QUERY: Final[Mapping[str, Json]] = {
    "as": described(TEXT, "the format of the downloads")
}
_PASTED: Final[Json] = described(
    TEXT, "a link or a receipt, with or without other text around it"
)
_FILLED: Final = one_of(["1"])

_STATEMENT: Final[Mapping[str, Json]] = {
    "name": TEXT,
    "mail": _MAIL,
    "confirm": _FILLED,
}


def _form(
    fields: Mapping[str, Json],
    *required: str,
    has_prices: bool = False,
) -> Json:
    """Return the schema of a form; with prices, those of `price.ITEM`."""
    found = record({}, fields)
    if required:
        found["required"] = list(required)
    if has_prices:
        found["patternProperties"] = {
            f"^{PRICE_PREFIX[:-1]}\\.": described(
                TEXT, "the buyer's own price of an item, in major units"
            )
        }
    return found


ORDER_OPERATIONS: Final = (
    Operation(
        "cart",
        "get",
        "/cart",
        "The cart, a cookie of item ids",
        {200: "Cart"},
    ),
    Operation(
        "cart-change",
        "post",
        "/cart",
        "Add items to the cart and remove items from it",
        {200: "Cart"},
        (422,),
        form=_form(
            {"add": _ITEMS, "remove": _ITEMS, "discount": _CODE},
            has_prices=True,
        ),
    ),
    Operation(
        "checkout",
        "get",
        "/checkout",
        "The total to pay, for each currency",
        {200: "Checkout"},
    ),
    Operation(
        "checkout-change",
        "post",
        "/checkout",
        "Set the buyer's own prices",
        {200: "Checkout"},
        (422,),
        form=_form({}, has_prices=True),
    ),
    Operation(
        "buy",
        "post",
        "/purchases",
        "Place an order: 201 if there is nothing to pay, else 202",
        {201: "Purchase", 202: "PayAt"},
        (402, 409, 422, 429),
        form=_form(
            {
                "item": _ITEMS,
                "total_minor": described(COUNT, "the expected total"),
                "suggested_minor": described(
                    COUNT, "the price of a single pay-what-you-want item"
                ),
                "provider": described(TEXT, "a payment provider"),
                "discount": _CODE,
                "mail": described(TEXT, "the address for the receipt"),
                "attempt": described(
                    TEXT,
                    "24 random base32 characters: requests with the same "
                    "value within 15 minutes place one order",
                ),
                "consent": described(
                    SHA256, "the wording that the buyer has agreed to"
                ),
                "newsletter": _FILLED,
                "gift": _FILLED,
                "gift_to": _MAIL,
                "gift_note": TEXT,
                "gift_from": TEXT,
            },
            has_prices=True,
        ),
    ),
    Operation(
        "purchase",
        "get",
        "/purchases/{receipt}",
        "A receipt, with new download links",
        {200: "Receipt"},
        (404,),
        redirects=(302,),
        query=_RECEIPT_QUERY,
    ),
    Operation(
        "bought-lyrics",
        "get",
        "/download/{pop}/{poe}/{item}/lyrics",
        "The lyrics and credits of a track that was bought",
        {200: "TrackTexts"},
        (404, 410),
        is_negotiated=False,
    ),
    Operation(
        "mail-again",
        "post",
        "/purchases/{receipt}/mail",
        "Mail a receipt",
        {202: "MailQueued"},
        (404, 429),
        redirects=(302,),
        form=_form({"mail": _MAIL}, "mail"),
    ),
    Operation(
        "gift",
        "get",
        "/gifts/{bill}",
        "The bill of a gift, for its payer",
        {200: "Bill"},
        (404,),
        redirects=(302,),
    ),
    Operation(
        "gift-card",
        "get",
        "/gifts/{bill}/card",
        "The card of a gift: the note, and the link to the receipt",
        {200: "GiftCard"},
        (404,),
        redirects=(302,),
    ),
    Operation(
        "gift-mail",
        "post",
        "/gifts/{bill}/mail",
        "Mail the receipt to the gift's recipient again",
        {202: "MailQueued"},
        (403, 404, 429),
        redirects=(302,),
    ),
    Operation(
        "payment",
        "get",
        "/payments/{provider}/{quote}",
        "What is to be paid on a payment page of the store's own",
        {200: "Quote"},
        (404, 410),
        redirects=(302,),
    ),
    Operation(
        "payment-answer",
        "post",
        "/payments/{provider}/{quote}",
        "Submit a payment page of the store's own",
        {201: "Purchase", 202: "Pending"},
        (402, 404, 409, 410),
        redirects=(302,),
        form=described(record({}), "the fields of the provider's page"),
    ),
    Operation(
        "come-back",
        "get",
        "/payments/{provider}/return",
        "What became of a payment on the provider's page",
        {201: "Purchase", 202: "Pending"},
        (402, 404, 409, 410, 429),
    ),
    Operation(
        "payment-message",
        "post",
        "/payments/{provider}/webhook",
        "Store a webhook event that the payment provider signed",
        {200: "Webhook"},
        (400, 403, 404, 408, 413, 415),
        body="application/json",
        is_negotiated=False,
    ),
    Operation(
        "redeem",
        "get",
        "/redeem",
        "The form for a redeem code",
        {200: "RedeemForm"},
        query={"code": TEXT},
    ),
    Operation(
        "redeem-code",
        "post",
        "/redeem",
        "Redeem a code",
        {201: "Purchase"},
        (409, 410, 422, 429),
        form=_form({"code": TEXT, "mail": _MAIL}, "code"),
    ),
    Operation(
        "verify",
        "get",
        "/verify",
        "What a link or a receipt is for, and how long it is valid",
        {200: "Proof"},
        query={"q": _PASTED},
    ),
    Operation(
        "lost",
        "get",
        "/lost",
        "Whether the store finds purchases by an email address",
        {200: "LostForm"},
    ),
    Operation(
        "lost-request",
        "post",
        "/lost",
        "Mail all receipts of an address to it, if there are any",
        {202: "LostQueued"},
        (404, 429),
        form=_form({"mail": _MAIL}, "mail"),
    ),
    Operation(
        "withdraw",
        "get",
        "/withdraw",
        "The form of a withdrawal from a contract",
        {200: "Withdrawal"},
        (404,),
    ),
    Operation(
        "withdraw-send",
        "post",
        "/withdraw",
        "State a withdrawal, and with `confirm`, send it",
        {200: "Withdrawal"},
        (404, 429),
        form=_form({"order": TEXT, **_STATEMENT}, "order", "name", "mail"),
    ),
    Operation(
        "withdraw-receipt",
        "get",
        "/purchases/{receipt}/withdraw",
        "The form of a withdrawal from the contract of a receipt",
        {200: "Withdrawal"},
        (404,),
        redirects=(302,),
    ),
    Operation(
        "withdraw-receipt-send",
        "post",
        "/purchases/{receipt}/withdraw",
        "State a withdrawal from it, and with `confirm`, send it",
        {200: "Withdrawal"},
        (404, 429),
        redirects=(302,),
        form=_form(_STATEMENT, "name"),
    ),
    Operation(
        "corrections",
        "get",
        "/purchases/{receipt}/corrections",
        "Whether the buyer is mailed when the order is corrected or extended",
        {200: "Corrections"},
        (404, 503),
        redirects=(302,),
    ),
    Operation(
        "corrections-change",
        "post",
        "/purchases/{receipt}/corrections",
        "Ask for these mails, or with `stop`, stop them",
        {200: "Corrections"},
        (404, 409, 429, 503),
        redirects=(302,),
        form=_form({"stop": one_of(["1"])}),
    ),
    Operation(
        "corrections-stop",
        "get",
        "/corrections/{token}",
        "Whether the mails that a link of one stops are on",
        {200: "Corrections"},
        (404, 503),
    ),
    Operation(
        "corrections-stop-send",
        "post",
        "/corrections/{token}",
        "Stop these mails (RFC 8058)",
        {200: "Corrections"},
        (404, 503),
    ),
    Operation(
        "language",
        "post",
        "/language",
        "Keep a language in a cookie",
        {200: "Language"},
        form=_form({"language": TEXT}, "language"),
    ),
)
