# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses of a real store, compared with the document by schemathesis."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import GenerationMode

from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.taxes.decisions import decide_country
from msrv.ledger.operators import token_rows
from msrv.ledger.operators.tokens import Scope
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.taxes.rates import TaxRules
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.ledger.sample_events import order_id, sale
from tests.outgoing_webhooks.receiver import SECRET as RECEIVER
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_parts import wait_for_database, with_mail
from tests.web.openapi.operation_calls import (
    order_everything,
    pay_at_provider,
    read_everything,
    use_the_studio,
)
from tests.web.openapi.program import Program, Request, token

Known = Mapping[str, list[str]]
EXAMPLES: Final = 4
"""Generated requests of each operation, of each kind."""
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
        with_mail(
            settings,
            stripe_key=SecretStr(KEY),
            stripe_webhook_secret=SecretStr(SECRET),
            stripe_api=bank.url,
            webhooks=SecretStr(f"https://hooks.example {RECEIVER}"),
        )
    )
    await wait_for_database(made)
    return made


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
