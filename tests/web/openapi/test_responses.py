# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses of a real store, compared with the document by schemathesis."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from yarl import URL

from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.taxes.decisions import decide_country
from msrv.ledger.operators import token_rows
from msrv.ledger.operators.tokens import Scope
from msrv.proofs.corrections import stop_links
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import TEST_SUFFIX
from msrv.settings import Settings
from msrv.taxes.rates import TaxRules
from msrv.web.forms import MEDIA_TYPE as FORM
from msrv.web.openapi.document import document
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.ledger.sample_events import order_id, sale
from tests.orders.redeem_codes import code_of
from tests.outgoing_webhooks.receiver import SECRET as RECEIVER
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.payments.stripe.purchases import way_back
from tests.store_parts import wait_for_database
from tests.store_process import free_port

JSON: Final = {"Accept": "application/json"}
CONFORMANCE: Final = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Known = Mapping[str, list[str]]
Operation = APIOperation[Any, Any, Any, Any]
Request = Case[Operation]

EXAMPLES: Final = 4
"""Generated requests of each operation, of each kind."""
MAIL: Final = "buyer@example.net"
MORE: Final = """
[legal]
terms = "terms.md"
withdrawal = "withdrawal.md"
consent = "asked"
[discounts.SPRING]
percent = 10
[invoices]
first_day = "2020-01-01"
name = "Wet Coats"
street = "Quay 1"
postcode = "10115"
city = "Berlin"
country = "DE"
vat_id = "DE123456789"
"""

DETAILS: Final = """
tags = ["late"]
genres = ["Folk"]
tempo = "90-140"
label = "Wet"
"""


def strict(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a part of the document that allows no undescribed members."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: strict(each) for name, each in part.items()}
    if part.get("type") == "object" and "properties" in part:
        found["additionalProperties"] = False
    return found


def strict_document() -> dict[str, Any]:
    """Return the document, without undescribed members in responses."""
    found = document()
    found["components"] = strict(found["components"])
    return found


@dataclass
class Program:
    """A program that calls operations, and validates the responses.

    `statuses` are those that were seen of each operation.
    """

    base_url: str
    studio_token: str
    statuses: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        schema = schemathesis.openapi.from_dict(strict_document())
        self.operations: dict[str, Operation] = {}
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            name = found.ok().definition.raw["operationId"]
            self.operations[name] = found.ok()

    def send(
        self,
        case: Request,
        name: str,
        headers: Mapping[str, str] = JSON,
        **request: Any,  # noqa: ANN401 - as requests takes it
    ) -> Response:
        """Send a request and validate the response."""
        if name.startswith("studio"):
            token = {"Authorization": f"Bearer {self.studio_token}"}
            headers = {**headers, **token}
        response = case.call(
            base_url=self.base_url, headers=dict(headers), **request
        )
        case.validate_response(response, checks=CONFORMANCE)
        if response.status_code != 501:  # another format of oEmbed
            case.validate_response(response, checks=[not_a_server_error])
        self.statuses.setdefault(name, set()).add(response.status_code)
        return response

    def call(
        self,
        name: str,
        status: int = 200,
        *,
        form: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        path: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Call an operation, and return the JSON of a response."""
        operation = self.operations[name]
        case = operation.Case(
            path_parameters=dict(path or {}),
            query=dict(query or {}),
            body=NOT_SET if form is None else dict(form),
            media_type=None if form is None else FORM,
        )
        response = self.send(case, name, cookies=dict(cookies or {}))
        assert response.status_code == status, response.text
        return response.json()


def token(address: str) -> str:
    """Return the last part of an address."""
    return URL(address).path.rpartition("/")[2]


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, bank: FakeStripe
) -> Client:
    """Store with all that has JSON; its mail server is unreachable."""
    library = settings.library
    assert library is not None
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(MORE)
    for path, text in {
        "terms.md": "# Terms\n\nNone.\n",
        "withdrawal.md": "# Withdrawal\n\nWithin 14 days.\n",
        "pages/about.md": "# About\n\nUs.\n",
        "artists/The Wet Coats.md": "A band. https://example.org\n",
    }.items():
        (library / path).parent.mkdir(exist_ok=True)
        (library / path).write_text(text, encoding="utf-8")
    album = library / "Night Bus" / "release.toml"
    album.write_text(DETAILS + album.read_text("utf-8"), encoding="utf-8")
    made = await start_store(
        settings.model_copy(
            update={
                "stripe_key": SecretStr(KEY),
                "stripe_webhook_secret": SecretStr(SECRET),
                "stripe_api": bank.url,
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
                "mail_from": "shop@example.org",
                "webhooks": SecretStr(f"https://hooks.example {RECEIVER}"),
                "public_url": "https://shop.example",
            }
        )
    )
    await wait_for_database(made)
    return made


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


def send_generated_requests(
    program: Program, name: str, mode: GenerationMode, known: Known
) -> None:
    """Send requests that schemathesis generates, valid or invalid ones.

    Half of them have known values as the parameters of their paths.
    """

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        case=program.operations[name].as_strategy(generation_mode=mode),
        picks=st.data(),
    )
    def send(case: Request, picks: st.DataObject) -> None:
        if picks.draw(st.booleans()):
            for each in known.keys() & case.path_parameters.keys():
                values = st.sampled_from(known[each])
                case.path_parameters[each] = picks.draw(values)
        program.send(case, name)

    try:
        send()
    except Unsatisfiable:
        # Every text is a valid value of this operation's parameters.
        assert mode is GenerationMode.NEGATIVE


def send_all(
    program: Program, keyring: Keyring, bank: FakeStripe, quote: str
) -> None:
    """Call every operation successfully, then with generated requests."""
    known = read_everything(program)
    known |= order_everything(program, keyring, quote)
    paid = pay_at_provider(program, keyring, bank)
    known["token"] = paid["token"]
    known["receipt"] += paid["receipt"]
    known |= use_the_studio(program)
    for name in program.operations:
        for mode in GenerationMode:
            send_generated_requests(program, name, mode, known)


async def test_responses_are_as_the_document_describes_them(
    store: Client, keyring: Keyring, bank: FakeStripe
) -> None:
    assert store.app is not None
    async with store.app[STORE].ledger.write_transaction() as connection:
        # Payments that moved money, unlike those that the program makes.
        paid = replace(sale(1), provider="stripe")
        await apply_events(
            connection, [paid, replace(paid, order_id=order_id(2))]
        )
        await decide_country(
            connection,
            order_id(2),
            "US",
            None,
            TaxRules(),
            now=store.app[STORE].clock(),
            by="",
        )
        studio_token = await token_rows.create_token(
            connection,
            "program",
            frozenset(Scope),
            1,
            created_by="",
            now=store.app[STORE].clock(),
            random=secrets.token_bytes,
        )
    program = Program(str(store.make_url("")).rstrip("/"), studio_token)
    form = {"item": "departure", "provider": "demo"}
    started = await store.post("/purchases", data=form, allow_redirects=False)
    quote = token(started.headers["Location"])
    await asyncio.to_thread(send_all, program, keyring, bank, quote)
    succeeded = {
        name
        for name, statuses in program.statuses.items()
        if min(statuses) < 300
    }
    assert succeeded == set(program.operations)
