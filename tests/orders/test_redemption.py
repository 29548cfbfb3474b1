# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes: each becomes one receipt, once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from yarl import URL

from msrv.ledger.db import schema, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseUnavailable
from msrv.proofs import codes, receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.ledger.conftest import url
from tests.orders.redeem_codes import ITEM, JSON, code_of, redeem
from tests.polling import wait_until
from tests.store_parts import ledger_of, rows, wait_for_database

__all__ = ["url"]


@pytest.mark.parametrize(
    "form",
    [
        "My code is {}. Thanks!",
        "https://shop.example/redeem?code={}",
        "<https://x.example/url?q=https%3A%2F%2Fa%2Fredeem%3Fcode%3D{}%26u>",
        "\u201c{}\u201d",
        "> {}",
    ],
)
async def test_code_is_found_in_pasted_text(
    ready_store: Client, keyring: Keyring, form: str
) -> None:
    status, _ = await redeem(ready_store, form.format(code_of(keyring)))
    assert status == 201


async def test_form_has_the_code_of_a_wrapped_address(
    ready_store: Client, keyring: Keyring
) -> None:
    code = code_of(keyring)
    text = f"https://a.example/url?u=https%3A%2F%2Fb%2Fredeem%3Fcode%3D{code}"
    answer = await ready_store.get(
        "/redeem", params={"code": text}, headers=JSON
    )
    assert (await answer.json())["code"] == code


async def test_code_becomes_a_receipt(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await ready_store.get(
        "/redeem", params={"code": code_of(keyring)}
    )
    assert code_of(keyring) in await answer.text()
    answer = await ready_store.post(
        "/redeem",
        data={"code": code_of(keyring).lower()},
        allow_redirects=False,
    )
    assert answer.status == 303
    assert "no-store" in answer.headers["Cache-Control"]
    path = answer.headers["Location"]
    receipt = receipts.read(keyring, path.rpartition("/")[2])
    assert [line.item_id for line in receipt.lines] == [ITEM]
    assert (receipt.issued_at, receipt.total_minor) == (clock(), 0)
    found = await (await ready_store.get(path, headers=JSON)).json()
    link = URL(found["downloads"][ITEM]).raw_path
    assert (await ready_store.get(link)).status == 200
    (order,) = await rows(ready_store, schema.orders)
    assert (order["provider"], order["total_minor"]) == ("code", 0)
    (used,) = await rows(ready_store, schema.redemptions)
    assert used["order_id"] == receipt.order_id
    # Nothing that the ledger holds leads back to the code.
    assert codes.normalize(code_of(keyring)).lower() not in str(used)
    assert order["reference"] == used["code_id"]


async def test_get_uses_no_code_up(
    ready_store: Client, keyring: Keyring
) -> None:
    """Mail scanners open every address."""
    for _ in range(30):
        for method in ("GET", "HEAD"):
            answer = await ready_store.request(
                method, "/redeem", params={"code": code_of(keyring)}
            )
            assert answer.status == 200
    answer = await ready_store.get("/redeem", params={"code": "<b>\"'&" * 99})
    assert "<b>" not in await answer.text()
    assert await rows(ready_store, schema.redemptions) == []
    status, _ = await redeem(ready_store, code_of(keyring))
    assert status == 201


async def test_code_is_redeemed_by_one_of_fifty_clients(
    ready_store: Client, keyring: Keyring
) -> None:
    code = code_of(keyring)

    async def client() -> tuple[int, Any]:
        answer = await ready_store.post(
            "/redeem", data={"code": code}, headers=JSON, cookies={}
        )
        return answer.status, await answer.json()

    ready_store.session.cookie_jar.clear()
    answers = await asyncio.gather(*(client() for _ in range(50)))
    statuses = [status for status, _ in answers]
    assert sorted(statuses) == [201] + [409] * 49
    assert {each["error"] for status, each in answers if status == 409} == {
        "code_used"
    }
    assert len(await rows(ready_store, schema.orders)) == 1


async def test_code_is_redeemed_once_on_two_replicas(
    start_store: StartStore,
    settings: Settings,
    keyring: Keyring,
    url: str,
    tmp_path: Path,
) -> None:
    database = Database(url)
    await schema_upgrade.upgrade_schema(database)
    await database.close()
    stores = [
        await start_store(
            settings.model_copy(
                update={"data": tmp_path / name, "database": SecretStr(url)}
            )
        )
        for name in ("one", "other")
    ]
    for store in stores:
        await wait_for_database(store)
    code = code_of(keyring)

    async def client(number: int) -> str:
        answer = await stores[number % 2].post(
            "/redeem", data={"code": code}, headers=JSON, cookies={}
        )
        return str((await answer.json()).get("receipt"))

    found = await asyncio.gather(*(client(each) for each in range(50)))
    assert len([each for each in found if each != "None"]) == 1


async def test_same_browser_gets_the_same_receipt_again(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    await ready_store.get("/redeem")
    path = set()
    for _ in range(3):
        answer = await ready_store.post(
            "/redeem", data={"code": code_of(keyring)}, allow_redirects=False
        )
        assert answer.status == 303
        path.add(answer.headers["Location"])
        clock.now += 3600
    assert len(path) == 1
    status, answer = await redeem(ready_store, code_of(keyring))
    assert (status, answer["error"]) == (409, "code_used")
    # A claim that was made up is another one's.
    for claim in ("A" * 22, "x", "é"):
        status, _ = await redeem(ready_store, code_of(keyring), claim)
        assert status == 409


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda code: code[:-1], "entered 19 characters"),
        (lambda code: code + "A", "entered 21 characters"),
        (lambda code: "!" + code[1:], "can&#39;t be part of a code"),
        (
            lambda code: code[:3] + code[5] + "-" + code[3] + code[6:],
            "swapped",
        ),
    ],
)
async def test_mistyped_code_is_explained(
    ready_store: Client,
    keyring: Keyring,
    change: Callable[[str], str],
    words: str,
) -> None:
    typed = change(code_of(keyring))
    for _ in range(30):  # it never counts as a guess
        answer = await ready_store.post("/redeem", data={"code": typed})
        assert answer.status == 422
    page = await answer.text()
    assert words in page
    assert f'value="{typed}"' in page


async def test_codes_of_an_ended_campaign_are_refused(
    start_store: StartStore, settings: Settings, keyring: Keyring
) -> None:
    store = await start_store(
        settings.model_copy(update={"ended_campaigns": ("vinyl-2026",)})
    )
    status, answer = await redeem(store, code_of(keyring))
    assert (status, answer["error"]) == (410, "code_ended")
    (other,) = codes.mint(keyring, ITEM, "tape-2026", [1])
    ledger = ledger_of(store)
    await wait_until(lambda: ledger.is_database_ready)
    assert (await redeem(store, other))[0] == 201


async def test_no_code_is_used_up_without_the_database(
    ready_store: Client, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rest(*_: object) -> None:
        raise DatabaseUnavailable("the database can't be reached: 10.0.0.7")

    monkeypatch.setattr(ledger_of(ready_store), "redeem", rest)
    answer = await ready_store.post("/redeem", data={"code": code_of(keyring)})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    page = await answer.text()
    assert "It hasn&#39;t been used up" in page
    assert "10.0.0.7" not in page
    monkeypatch.undo()
    assert (await redeem(ready_store, code_of(keyring)))[0] == 201


async def test_code_for_an_unknown_item_is_refused(
    ready_store: Client, keyring: Keyring
) -> None:
    status, answer = await redeem(
        ready_store, code_of(keyring, item="never-was")
    )
    assert (status, answer["error"]) == (422, "no_such_code")
    # Of a release of one file, either id will do.
    for item in ("zine", "zine-issue", "departure"):
        assert (await redeem(ready_store, code_of(keyring, item=item)))[
            0
        ] == 201


async def test_index_has_every_item_under_its_tag(store: Client) -> None:
    index = store.app[STORE].redemption.code_index
    catalog = store.app[STORE].catalog.current
    for item_id in catalog.by_id:
        tag = codes.item_tag(item_id)
        assert item_id in await index.item_ids(catalog, tag)
    assert await index.item_ids(catalog, "!!!") == ()


async def test_post_from_another_site_redeems_nothing(
    ready_store: Client, keyring: Keyring
) -> None:
    form = {"code": code_of(keyring)}
    foreign = {"Origin": "https://elsewhere.example"}
    assert (
        await ready_store.post("/redeem", data=form, headers=foreign)
    ).status == 403
    # A browser from before Sec-Fetch-Site is known by the form's cookie.
    ready_store.session.cookie_jar.clear()
    null = {"Origin": "null"}
    assert (
        await ready_store.post("/redeem", data=form, headers=null)
    ).status == 403
    await ready_store.get("/redeem")
    answer = await ready_store.post("/redeem", data=form, headers=null)
    assert answer.status == 200
    assert ready_store.app[STORE].ledger
