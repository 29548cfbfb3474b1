# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tokens of programs: made, used, refused and revoked."""

import pytest
from pydantic import SecretStr

from msrv.ledger.operators import directory
from msrv.orders.rate_limits import GUESSES
from msrv.settings import Settings
from tests.conftest import Clock, StartStore
from tests.ledger.sample_events import order_id, sale
from tests.web.studio.conftest import JSON, Studio

ORDER = f"/studio/orders/{order_id(1)}"


async def make(studio: Studio, *scopes: str, **fields: str) -> str:
    """Make a token in the studio, and return it."""
    answer = await studio.store.post(
        "/studio/tokens",
        data=[
            ("name", fields.get("name", "accounts")),
            ("days", fields.get("days", "30")),
            *(("scope", each) for each in scopes),
        ],
        headers=studio._with(JSON),
    )
    assert answer.status == 200, await answer.text()
    token: str = (await answer.json())["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_token_reads_orders_until_it_is_revoked(
    any_studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await any_studio.store_events(sale(1, ("song", 100)))
    store = any_studio.store
    token = await make(any_studio, "orders:read")
    secret = token.split("_", 2)[2]
    answer = await store.get(ORDER, headers=bearer(token))
    assert answer.status == 200
    order = await answer.json()
    assert order["order_id"] == order_id(1)
    # No receipt and no link: they would deliver what was bought.
    assert (order["receipt"], order["links"]) == (None, {})
    assert "Set-Cookie" not in answer.headers
    page = await any_studio.text("/studio/tokens")
    assert "last used on" in page
    assert secret not in page
    assert secret not in caplog.text

    await any_studio.post("/studio/tokens", revoke="accounts")
    answer = await store.get(ORDER, headers=bearer(token))
    assert answer.status == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/activity")
    assert {
        (each["act"], each["actor"], each["subject"]) for each in told["acts"]
    } == {
        ("create-token", "", "accounts:30d:orders:read"),
        ("view-order", "token.accounts", order_id(1)),
        ("revoke-token", "", "accounts"),
    }
    assert secret not in str(told)


async def test_revoking_is_confirmed_first(studio: Studio) -> None:
    await make(studio, "orders:read")
    path = "/studio/tokens"
    listed = await studio.text(path)
    assert 'name="revoke"' not in listed
    assert f'href="{path}?revoke=accounts"' in listed
    confirming = await studio.text(f"{path}?revoke=accounts")
    assert "Revoke <bdi>accounts</bdi>?" in confirming
    assert 'name="revoke" value="accounts"' in confirming
    assert await studio.text(path) == listed
    await studio.post(path, revoke="accounts")
    assert 'name="revoke"' not in await studio.text(f"{path}?revoke=accounts")


async def test_token_ends_by_itself(
    studio: Studio, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MAX_AGE_SECONDS", 3600.0)
    token = await make(studio, "orders:read", days="1")
    store = studio.store
    clock.now += 86_399
    answer = await store.get("/studio/orders", headers=bearer(token))
    assert answer.status == 200
    clock.now += 1
    answer = await store.get("/studio/orders", headers=bearer(token))
    assert answer.status == 401


async def test_token_changes_with_its_scope_and_without_a_form(
    any_studio: Studio,
) -> None:
    await any_studio.store_events(sale(1, ("song", 100)))
    reader = await make(any_studio, "orders:read", name="reader")
    writer = await make(any_studio, "orders:refund", name="writer")
    store = any_studio.store
    answer = await store.post(f"{ORDER}/revoke", headers=bearer(reader))
    assert answer.status == 403
    assert (await answer.json())["scope"] == "orders:refund"
    # A cookie beside it adds nothing.
    answer = await store.post(
        f"{ORDER}/revoke", headers=any_studio._with(bearer(reader))
    )
    assert answer.status == 403
    answer = await store.post(f"{ORDER}/revoke", headers=bearer(writer))
    assert answer.status == 200
    assert (await answer.json())["lines"][0]["refunded"]
    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/activity?by=token.writer")
    (act,) = told["acts"]
    assert (act["act"], act["subject"]) == ("revoke", order_id(1))


async def test_token_sends_no_receipt_to_an_address_of_its_own(
    start_store: StartStore, settings: Settings, session: str
) -> None:
    mailing = settings.model_copy(
        update={
            "smtp_url": SecretStr("smtp://127.0.0.1:9"),
            "mail_from": "shop@shop.example",
        }
    )
    studio = Studio(await start_store(mailing), session)
    await studio.wait_until_synced()
    await studio.store_events(sale(1, ("song", 100)))
    token = await make(studio, "receipts:send")
    for mail, status, error in [
        ("me@example.org", 403, "scope_missing"),
        ("", 400, "bad_field"),  # this order's buyer is unknown
    ]:
        answer = await studio.store.post(
            f"{ORDER}/mail", data={"mail": mail}, headers=bearer(token)
        )
        told = await answer.json()
        assert (answer.status, told["error"]) == (status, error)


async def test_wrong_tokens_are_refused_and_limited(
    studio: Studio, clock: Clock
) -> None:
    token = await make(studio, "sales:read")
    store = studio.store
    wrong = [
        "",
        "x",
        token[:-1],
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token.replace("msrv_", "msrv_0"),
        "msrv_" + "0" * 12 + token[17:],
    ]
    for text in wrong:
        answer = await store.get("/studio", headers=bearer(text))
        assert answer.status == 401, text
        assert answer.content_type == "application/json"
    for _ in range(GUESSES.burst - len(wrong)):
        await store.get("/studio", headers=bearer("x"))
    answer = await store.get("/studio", headers=bearer(token))
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    clock.now += 60
    answer = await store.get("/studio", headers=bearer(token))
    assert answer.status == 200


async def test_without_the_database_no_token_is_accepted(
    offline_studio: Studio,
) -> None:
    token = "msrv_" + "0" * 12 + "_" + "A" * 43
    answer = await offline_studio.store.get("/studio", headers=bearer(token))
    assert answer.status == 503
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"days": "0"}, "days"),
        ({"days": "366"}, "days"),
        ({"days": ""}, "days"),
        ({"name": "A b"}, "name"),
        ({"name": ""}, "name"),
        ({"scope": "orders:write"}, "scope"),
        ({"scope": ""}, "scope"),
        ({"revoke": "nobody"}, "revoke"),
    ],
)
async def test_token_with_a_wrong_field_is_not_made(
    studio: Studio, fields: dict[str, str], field: str
) -> None:
    form = {"name": "a", "days": "1", "scope": "sales:read"} | fields
    answer = await studio.post("/studio/tokens", JSON, **form)
    assert answer.status == 400
    assert (await answer.json())["field"] == field
    assert (await studio.data("/studio/tokens"))["tokens"] == []


async def test_name_of_a_valid_token_is_taken(studio: Studio) -> None:
    await make(studio, "sales:read")
    again = {"name": "accounts", "days": "1", "scope": "sales:read"}
    answer = await studio.post("/studio/tokens", JSON, **again)
    assert answer.status == 400
    await studio.post("/studio/tokens", revoke="accounts")
    await make(studio, "sales:read")
    told = await studio.data("/studio/tokens")
    assert [each["ended_at"] is None for each in told["tokens"]].count(
        True
    ) == 1
