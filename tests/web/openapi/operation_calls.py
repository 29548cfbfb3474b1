# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Calls of every operation that succeed, and what they lead to."""

import json
import time
from typing import Any, Final

from schemathesis.core import NOT_SET
from yarl import URL

from msrv.proofs.corrections import stop_links
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import TEST_SUFFIX
from tests.orders.redeem_codes import code_of
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import way_back
from tests.web.openapi.program import JSON, Program, token

MAIL: Final = "buyer@example.net"


def send_webhook(program: Program, event: dict[str, Any]) -> None:
    """Send a signed event as the payment provider does."""
    name = "payment-message"
    case = program.operations[name].Case(
        path_parameters={"provider": "stripe"},
        body=event,
        media_type="application/json",
    )
    body = json.dumps(event)
    headers = JSON | {
        "Content-Type": "application/json",
        "Stripe-Signature": FakeStripe.sign(body),
    }
    response = program.send(case, name, headers, data=body.encode())
    assert response.status_code == 200, response.text


def read_everything(program: Program) -> dict[str, list[str]]:
    """Call what can be read; return values of the paths' parameters."""
    call = program.call
    for name in ("front", "canimus", "jwks", "openapi", "health", "ready"):
        call(name)
    for query in ({}, {"q": "bus"}, {"kind": "ep", "sort": "title"}):
        call("catalog", query=query)
    releases = ["night-bus", "umbrella-single", "zine-issue"]
    for release in releases:
        call("release", path={"release": release})
    tags = [token(each["url"]) for each in call("tags")["tags"]]
    for tag in tags:
        call("tag", path={"tag": tag})
    (artist,) = (token(each["url"]) for each in call("artists")["artists"])
    assert call("artist", path={"artist": artist})["text"]
    call("page", path={"page": "about"})
    call("legal", path={"text": "terms"})
    address = "https://shop.example/catalog/night-bus"
    call("oembed", query={"url": address})
    return {
        "release": releases,
        "tag": tags,
        "artist": [artist],
        "page": ["about"],
        "text": ["terms", "withdrawal"],
    }


def order_everything(
    program: Program, keyring: Keyring, quote: str
) -> dict[str, list[str]]:
    """Call what orders are placed with; return values of parameters.

    `quote` is one of a payment that was started and can be made.
    """
    call = program.call
    cart = {"add": ["night-bus", "zine"], "discount": "SPRING"}
    assert call("cart-change", form=cart)["items"]
    cookies = {"cart": "night-bus.zine"}
    call("cart", cookies=cookies)
    call("checkout", cookies=cookies)
    call("checkout-change", form={}, cookies=cookies)
    call("language", form={"language": "de"})

    free = {"item": ["zine"], "mail": MAIL}
    receipts = [token(call("buy", 201, form=free)["receipt"])]
    order = {"item": ["night-bus", "departure"], "provider": "demo"}
    bought = call("buy", 201, form=order)
    receipts.append(token(bought["receipt"]))
    for receipt in receipts:
        call("purchase", path={"receipt": receipt})
        call("mail-again", 202, form={"mail": MAIL}, path={"receipt": receipt})
        call("verify", query={"q": f"see {receipt}"})
    link = bought["downloads"]["departure"]
    call("verify", query={"q": link})
    pop, poe, item = URL(link).path.split("/")[2:]
    call("bought-lyrics", path={"pop": pop, "poe": poe, "item": item})
    call("verify")

    statement = {"name": "Robin", "mail": MAIL}
    order_id = bought["order_id"]
    call("withdraw")
    call("withdraw-send", form={"order": order_id, **statement})
    call("withdraw-receipt", path={"receipt": receipts[1]})
    statement["confirm"] = "1"
    call(
        "withdraw-receipt-send", form=statement, path={"receipt": receipts[1]}
    )

    gift = {"gift": "1", "gift_to": MAIL, "gift_note": "For you."}
    bill = token(call("buy", 201, form={**order, **gift})["bill"])
    call("gift", path={"bill": bill})
    call("gift-card", path={"bill": bill})
    for name, path in (
        ("invoice", {"receipt": receipts[1]}),
        ("gift-invoice", {"bill": bill}),
    ):
        assert call(name, path=path)["documents"]
    call("gift-mail", 202, path={"bill": bill})

    path = {"provider": "demo", "quote": quote}
    call("payment", path=path)
    call("payment-answer", 201, form={"answer": "pay"}, path=path)

    call("redeem", query={"code": "ABC"})
    call("redeem-code", 201, form={"code": code_of(keyring)})
    call("lost")
    call("lost-request", 202, form={"mail": MAIL})
    return {
        "pop": [pop],
        "poe": [poe],
        "item": [item],
        "receipt": receipts,
        "bill": [bill],
        "provider": ["demo", "stripe"],
        "quote": [quote],
    }


def pay_at_provider(
    program: Program, keyring: Keyring, bank: FakeStripe
) -> dict[str, list[str]]:
    """Pay on the provider's page, which takes a while, and come back.

    Then ask to hear of corrections, and stop that. Return values of paths.
    """
    call = program.call
    paid = {"item": ["umbrella"], "provider": "stripe"}
    call("buy", 202, form=paid)
    session = bank.pay_later(bank.last)
    back = way_back(session)
    path, query = {"provider": "stripe"}, dict(back.query)
    call("come-back", 202, path=path, query=query)
    bank.arrive(session)
    session["customer_details"] = {"email": MAIL}
    bought = call("come-back", 201, path=path, query=query)
    send_webhook(program, bank.event("checkout.session.completed", session))
    path = {"receipt": token(bought["receipt"])}
    assert call("corrections-change", form={}, path=path)["asked"]
    assert call("corrections", path=path)["asked"]
    stop = token(stop_links.stop_path(keyring, bought["order_id"]))
    assert call("corrections-stop", path={"token": stop})["asked"]
    assert not call("corrections-stop-send", path={"token": stop})["asked"]
    return {"token": [stop], "receipt": [path["receipt"]]}


def use_the_studio(program: Program) -> dict[str, list[str]]:
    """Call what programs with a token do; return values of the paths."""
    call = program.call
    order = call("buy", 201, form={"item": ["departure"], "provider": "demo"})
    path = {"order": order["order_id"]}
    refundable = None
    for _ in range(200):
        # Until the order is in the database.
        case = program.operations["studio-refund-form"].Case(
            path_parameters=dict(path), query={}, body=NOT_SET, media_type=None
        )
        refundable = program.send(case, "studio-refund-form")
        if refundable.status_code == 200:
            break
        time.sleep(0.05)
    call("studio-refund-form", path=path, query={"part": "rest"})
    number = call("studio-refund-form", path=path)["number"]
    form = {"part": "rest", "number": number}
    for repeated in (False, True):
        made = call("studio-refund", form=form, path=path)
        assert made["repeated"] == repeated
    assert call("studio-order", path=path)["receipt"] is None
    assert call("studio-orders")["orders"]
    call("studio-orders", query={"q": order["order_id"][:6]})
    assert call("studio-sales", query={"span": "all"})["sales"]
    assert call("studio-releases", query={"period": "all"})["releases"]
    read_reports(program)
    assert call("studio-ask", path=path)["lines"]
    assert call("studio-revoke", form={"undo": "1"}, path=path)["lines"]
    # Paid at the provider, who knows the buyer's address.
    (paid,) = (
        each["order_id"]
        for each in call("studio-orders")["orders"]
        if each["provider"] == "stripe" + TEST_SUFFIX
    )
    form = {}
    call("studio-send-receipt", 202, form=form, path={"order": paid})
    return {"order": [path["order"], paid], "position": ["0"]}


def read_reports(program: Program) -> None:
    """Call the figures and the lists of the studio."""
    call = program.call
    assert call("studio")["best_sellers"]
    assert call("studio-sellers")["best_sellers"]
    call("studio-downloads", query={"span": "all"})
    call("studio-download-list")
    assert call("studio-refunds")["refunds"]
    assert call("studio-withdrawals")["withdrawals"]
    assert call("studio-invoices")["documents"]
    assert call("studio-release", path={"release": "night-bus"})["items"]
    assert call("studio-oss", query={"quarter": "2027-Q1"})["decided"]
    (endpoint,) = call("studio-webhooks")["endpoints"]
    form = {"endpoint": endpoint["endpoint"], "enable": "1"}
    assert call("studio-webhooks-change", form=form)["done"]
