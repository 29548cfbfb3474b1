"""Redeem codes: each becomes one receipt, once."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from yarl import URL

from msrv.ledger.db import migrate, schema
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseUnavailable
from msrv.orders import rate_limits
from msrv.proofs import codes, receipts
from msrv.proofs.encoding import decode, encode
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.ledger.conftest import url
from tests.polling import wait_until
from tests.store_parts import ledger_of, rows, wait_for_database

__all__ = ["url"]

JSON = {"Accept": "application/json"}
ITEM = "night-bus"


def code_of(keyring: Keyring, serial: int = 1, item: str = ITEM) -> str:
    (code,) = codes.mint(keyring, item, "vinyl-2026", [serial])
    return code


def another(code: str) -> str:
    """A code that is none, and was not mistyped."""
    signs = codes.normalize(code)
    body = signs[:10] + ("0" if signs[10] != "0" else "1") + signs[11:-1]
    return codes.format_groups(body + codes.check_character(body))


@pytest.fixture
async def shop(store: Client) -> Client:
    """The store, once it has reached its database."""
    await wait_for_database(store)
    return store


async def send(store: Client, code: str, claim: str = "") -> tuple[int, Any]:
    """Redeem as a program does, with a claim of its own or none."""
    store.session.cookie_jar.clear()
    cookies = {"claim": claim} if claim else None
    answer = await store.post(
        "/redeem", data={"code": code}, headers=JSON, cookies=cookies
    )
    return answer.status, await answer.json()


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
    shop: Client, keyring: Keyring, form: str
) -> None:
    status, _ = await send(shop, form.format(code_of(keyring)))
    assert status == 201


async def test_form_has_the_code_of_a_wrapped_address(
    shop: Client, keyring: Keyring
) -> None:
    code = code_of(keyring)
    text = f"https://a.example/url?u=https%3A%2F%2Fb%2Fredeem%3Fcode%3D{code}"
    answer = await shop.get("/redeem", params={"code": text}, headers=JSON)
    assert (await answer.json())["code"] == code


async def test_code_becomes_a_receipt(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await shop.get("/redeem", params={"code": code_of(keyring)})
    assert code_of(keyring) in await answer.text()
    answer = await shop.post(
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
    found = await (await shop.get(path, headers=JSON)).json()
    link = URL(found["downloads"][ITEM]).raw_path
    assert (await shop.get(link)).status == 200
    (order,) = await rows(shop, schema.orders)
    assert (order["provider"], order["total_minor"]) == ("code", 0)
    (used,) = await rows(shop, schema.redemptions)
    assert used["order_id"] == receipt.order_id
    # Nothing that the ledger holds leads back to the code.
    assert codes.normalize(code_of(keyring)).lower() not in str(used)
    assert order["reference"] == used["code_id"]


async def test_get_uses_no_code_up(shop: Client, keyring: Keyring) -> None:
    """Mail scanners open every address."""
    for _ in range(30):
        for method in ("GET", "HEAD"):
            answer = await shop.request(
                method, "/redeem", params={"code": code_of(keyring)}
            )
            assert answer.status == 200
    answer = await shop.get("/redeem", params={"code": "<b>\"'&" * 99})
    assert "<b>" not in await answer.text()
    assert await rows(shop, schema.redemptions) == []
    status, _ = await send(shop, code_of(keyring))
    assert status == 201


async def test_code_is_redeemed_by_one_of_fifty_clients(
    shop: Client, keyring: Keyring
) -> None:
    code = code_of(keyring)

    async def client() -> tuple[int, Any]:
        answer = await shop.post(
            "/redeem", data={"code": code}, headers=JSON, cookies={}
        )
        return answer.status, await answer.json()

    shop.session.cookie_jar.clear()
    answers = await asyncio.gather(*(client() for _ in range(50)))
    statuses = [status for status, _ in answers]
    assert sorted(statuses) == [201] + [409] * 49
    assert {each["error"] for status, each in answers if status == 409} == {
        "code_used"
    }
    assert len(await rows(shop, schema.orders)) == 1


async def test_code_is_redeemed_once_on_two_replicas(
    start_store: StartStore,
    settings: Settings,
    keyring: Keyring,
    url: str,
    tmp_path: Path,
) -> None:
    database = Database(url)
    await migrate.upgrade_schema(database)
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
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    await shop.get("/redeem")
    path = set()
    for _ in range(3):
        answer = await shop.post(
            "/redeem", data={"code": code_of(keyring)}, allow_redirects=False
        )
        assert answer.status == 303
        path.add(answer.headers["Location"])
        clock.now += 3600
    assert len(path) == 1
    status, answer = await send(shop, code_of(keyring))
    assert (status, answer["error"]) == (409, "code_used")
    # A claim that was made up is another one's.
    for claim in ("A" * 22, "x", "é"):
        status, _ = await send(shop, code_of(keyring), claim)
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
    shop: Client, keyring: Keyring, change: Callable[[str], str], words: str
) -> None:
    typed = change(code_of(keyring))
    for _ in range(30):  # it never counts as a guess
        answer = await shop.post("/redeem", data={"code": typed})
        assert answer.status == 422
    page = await answer.text()
    assert words in page
    assert f'value="{typed}"' in page


async def test_guesses_of_one_network_are_limited(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    wrong = another(code_of(keyring))
    for _ in range(rate_limits.GUESSES.burst):
        status, answer = await send(shop, wrong)
        assert (status, answer["error"]) == (422, "no_such_code")
    answer = await shop.post("/redeem", data={"code": wrong})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert "Yours hasn&#39;t been used up" in await answer.text()
    # Not even the right one is told from there.
    assert (await send(shop, code_of(keyring)))[0] == 429
    clock.now += 60
    assert (await send(shop, code_of(keyring)))[0] == 201


async def test_thousand_guesses_from_many_networks_keep_nobody_from_a_code(
    start_store: StartStore, settings: Settings, keyring: Keyring
) -> None:
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    await wait_for_database(store)
    wrong = another(code_of(keyring))
    for number in range(1150):
        answer = await store.post(
            "/redeem",
            data={"code": wrong},
            headers=JSON | {"X-Forwarded-For": f"198.51.100.{number // 10}"},
        )
        assert answer.status == 422
    assert (await send(store, code_of(keyring)))[0] == 201


async def test_guesses_of_all_networks_are_limited(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    strangers_guess(shop, clock, "new")
    assert (await send(shop, another(code_of(keyring))))[0] == 429


def strangers_guess(store: Client, clock: Clock, group: str) -> None:
    """Use up what all in a group may guess together."""
    totals = store.app[STORE].limits.codes.totals
    totals.spend(group, now=clock.now, cost=rate_limits.ALL_GUESSES.burst)


async def test_settled_claim_redeems_after_the_total_is_used_up(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await shop.get("/redeem")
    claim = answer.cookies["claim"].value
    strangers_guess(shop, clock, "new")
    # Not yet: strangers open the page as well.
    assert (await send(shop, code_of(keyring), claim))[0] == 429
    clock.now += 60
    strangers_guess(shop, clock, "new")
    assert (await send(shop, code_of(keyring)))[0] == 429
    assert (await send(shop, code_of(keyring), claim))[0] == 201
    # And they have the same receipt by asking again.
    assert (await send(shop, code_of(keyring), claim))[0] == 201


async def test_forged_claim_is_limited_with_new_clients(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await shop.get("/redeem")
    claim = answer.cookies["claim"].value
    strangers_guess(shop, clock, "new")
    clock.now += 60
    strangers_guess(shop, clock, "new")
    made_up = decode(claim)[:16] + bytes(6) + decode(claim)[22:]
    for each in (encode(made_up), encode(made_up[:16]), encode(bytes(16))):
        assert (await send(shop, code_of(keyring), each))[0] == 429


async def test_claim_has_as_many_guesses_as_a_network(
    start_store: StartStore,
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
) -> None:
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    await wait_for_database(store)
    claim = (await store.get("/redeem")).cookies["claim"].value
    clock.now += 60
    statuses = []
    for number in range(rate_limits.GUESSES.burst + 3):
        store.session.cookie_jar.clear()
        answer = await store.post(
            "/redeem",
            data={"code": another(code_of(keyring))},
            headers=JSON | {"X-Forwarded-For": f"198.51.100.{number}"},
            cookies={"claim": claim},
        )
        statuses.append(answer.status)
    assert statuses == [422] * rate_limits.GUESSES.burst + [429] * 3


async def test_codes_of_an_ended_campaign_are_refused(
    start_store: StartStore, settings: Settings, keyring: Keyring
) -> None:
    store = await start_store(
        settings.model_copy(update={"ended_campaigns": ("vinyl-2026",)})
    )
    status, answer = await send(store, code_of(keyring))
    assert (status, answer["error"]) == (410, "code_ended")
    (other,) = codes.mint(keyring, ITEM, "tape-2026", [1])
    ledger = ledger_of(store)
    await wait_until(lambda: ledger.is_database_ready)
    assert (await send(store, other))[0] == 201


async def test_no_code_is_used_up_without_the_database(
    shop: Client, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rest(*_: object) -> None:
        raise DatabaseUnavailable("the database can't be reached: 10.0.0.7")

    monkeypatch.setattr(ledger_of(shop), "redeem", rest)
    answer = await shop.post("/redeem", data={"code": code_of(keyring)})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    page = await answer.text()
    assert "It hasn&#39;t been used up" in page
    assert "10.0.0.7" not in page
    monkeypatch.undo()
    assert (await send(shop, code_of(keyring)))[0] == 201


async def test_code_for_an_unknown_item_is_refused(
    shop: Client, keyring: Keyring
) -> None:
    status, answer = await send(shop, code_of(keyring, item="never-was"))
    assert (status, answer["error"]) == (422, "no_such_code")
    # Of a release of one file, either id will do.
    for item in ("zine", "zine-issue", "departure"):
        assert (await send(shop, code_of(keyring, item=item)))[0] == 201


async def test_index_has_every_item_under_its_tag(store: Client) -> None:
    index = store.app[STORE].redemption.code_index
    catalog = store.app[STORE].catalog.current
    for item_id in catalog.by_id:
        tag = codes.item_tag(item_id)
        assert item_id in await index.item_ids(catalog, tag)
    assert await index.item_ids(catalog, "!!!") == ()


async def test_post_from_another_site_redeems_nothing(
    shop: Client, keyring: Keyring
) -> None:
    form = {"code": code_of(keyring)}
    foreign = {"Origin": "https://elsewhere.example"}
    assert (
        await shop.post("/redeem", data=form, headers=foreign)
    ).status == 403
    # A browser from before Sec-Fetch-Site is known by the form's cookie.
    shop.session.cookie_jar.clear()
    null = {"Origin": "null"}
    assert (await shop.post("/redeem", data=form, headers=null)).status == 403
    await shop.get("/redeem")
    answer = await shop.post("/redeem", data=form, headers=null)
    assert answer.status == 200
    assert shop.app[STORE].ledger
