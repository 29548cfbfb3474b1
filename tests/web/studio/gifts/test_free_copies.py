# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Free copies that are given in the studio."""

import asyncio
import re
from html import unescape
from pathlib import Path

import pytest
from pydantic import SecretStr
from yarl import URL

from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.orders import rate_limits
from msrv.rate_limit import Limit, RateLimiter
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.web.studio.conftest import JSON, Studio

TOKEN = "0123456789abcdef01234567"


async def test_copy_is_a_receipt_that_downloads(any_studio: Studio) -> None:
    page = await any_studio.text("/studio/give?item=night-bus")
    (token,) = re.findall(r'name="token" value="([0-9a-f]{24})"', page)
    assert "complete release" in page
    answer = await any_studio.post(
        "/studio/give", item="night-bus", token=token
    )
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "private, no-store"
    text = unescape(await answer.text())
    (receipt,) = re.findall(r"http[^<\s]+/purchases/[^<\s]+", text)
    bought = await any_studio.store.get(URL(receipt).raw_path)
    assert bought.status == 200
    assert "given by the seller" in await bought.text()
    (order,) = (await any_studio.data("/studio/orders"))["orders"]
    assert (order["provider"], order["total_minor"]) == ("grant", 0)
    assert order["reference"] == f"studio:{token}"
    await any_studio.wait_until_synced()
    act, *_ = (await any_studio.data("/studio/activity"))["acts"]
    assert act["act"] == "give-copy"
    assert act["subject"] == f"{order['order_id']}.night-bus"
    assert "gave a free copy" in await any_studio.text("/studio/activity")


async def test_form_that_is_sent_twice_gives_one_copy(
    any_studio: Studio,
) -> None:
    answers = await asyncio.gather(
        *(
            any_studio.post("/studio/give", JSON, item="zine", token=TOKEN)
            for _ in range(3)
        )
    )
    assert sorted(each.status for each in answers) == [200, 200, 201]
    told = [await each.json() for each in answers]
    assert len({each["receipt"] for each in told}) == 1
    assert len((await any_studio.data("/studio/orders"))["orders"]) == 1
    other = await any_studio.post(
        "/studio/give", JSON, item="zine", token=TOKEN[::-1]
    )
    assert (await other.json())["receipt"] != told[0]["receipt"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"item": "nothing", "token": TOKEN}, 404),
        ({"token": TOKEN}, 404),
        ({"item": "zine"}, 400),
        ({"item": "zine", "token": "x"}, 400),
        ({"item": "zine", "token": f"{TOKEN}\n"}, 400),
    ],
)
async def test_invalid_form_gives_nothing(
    studio: Studio, form: dict[str, str], status: int
) -> None:
    answer = await studio.post("/studio/give", **form)
    assert answer.status == status
    assert (await studio.data("/studio/orders"))["orders"] == []


async def test_copy_from_another_site_is_refused(studio: Studio) -> None:
    answer = await studio.post(
        "/studio/give",
        {"Origin": "https://evil.example"},
        item="zine",
        token=TOKEN,
    )
    assert answer.status == 403
    assert (await studio.data("/studio/orders"))["orders"] == []


async def test_gifts_are_limited(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert studio.store.app is not None
    limits = studio.store.app[STORE].limits
    few = RateLimiter(
        Limit(burst=2, interval_ms=1000), error=rate_limits.TooManyGifts
    )
    monkeypatch.setattr(type(limits), "gifts", few)
    for number in range(2):
        answer = await studio.post(
            "/studio/give", item="zine", token=f"{number:024x}"
        )
        assert answer.status == 201
    answer = await studio.post("/studio/give", item="zine", token=TOKEN)
    assert answer.status == 429
    assert "Retry-After" in answer.headers
    assert len((await studio.data("/studio/orders"))["orders"]) == 2


async def test_nothing_is_given_without_the_database(
    offline_studio: Studio,
) -> None:
    answer = await offline_studio.post(
        "/studio/give", item="zine", token=TOKEN
    )
    assert answer.status == 503
    assert "Nothing was changed" in await answer.text()


@pytest.fixture
async def mailing_store(start_store: StartStore, settings: Settings) -> Client:
    """A store that sends mail, to a relay that is away."""
    found = await start_store(
        settings.model_copy(
            update={
                "smtp_url": SecretStr("smtp://127.0.0.1:1"),
                "mail_from": "shop@example.org",
            }
        )
    )
    await Studio(found, "").wait_until_synced()
    return found


async def test_copy_is_mailed_once_for_each_address(
    mailing_store: Client, session: str, settings: Settings
) -> None:
    studio = Studio(mailing_store, session)
    assert 'type="email"' in await studio.text("/studio/give?item=zine")
    form = {"item": "zine", "token": TOKEN, "mail": "press@example.org"}
    first = await studio.post("/studio/give", JSON, **form)
    told = await first.json()
    assert (first.status, told["mailed"], told["is_new"]) == (201, True, True)
    outbox = Outbox(settings.data / FOLDER_NAME)
    (mail_id,) = outbox.pending()
    mail = outbox.read(mail_id)
    assert mail is not None
    assert (mail.to, mail.mail_id) == ("press@example.org", told["order_id"])
    # Another form, and another spelling: the same person.
    form = {"item": "zine", "token": TOKEN[::-1], "mail": "Press@example.org"}
    second = await studio.post("/studio/give", **form)
    assert second.status == 200
    assert "Given before" in await second.text()
    assert outbox.pending() == [mail_id]
    # The address is in the mail alone.
    (order,) = (await studio.data("/studio/orders"))["orders"]
    assert "press" not in str(order).lower()


def replace_by_file(folder: Path) -> None:
    """Put a file in a folder's place."""
    if folder.is_dir():
        folder.rename(folder.with_suffix(".away"))
    folder.write_text("not a folder", encoding="utf-8")


async def test_mail_that_cannot_be_stored_is_reported(
    mailing_store: Client, session: str, settings: Settings
) -> None:
    replace_by_file(settings.data / FOLDER_NAME)
    studio = Studio(mailing_store, session)
    form = {"item": "zine", "token": TOKEN, "mail": "press@example.org"}
    answer = await studio.post("/studio/give", **form)
    assert answer.status == 201
    text = await answer.text()
    assert "The mail could not be stored" in text
    assert "/purchases/" in text


async def test_address_with_a_mistake_is_beside_its_field(
    mailing_store: Client, session: str
) -> None:
    studio = Studio(mailing_store, session)
    form = {"item": "zine", "token": TOKEN, "mail": "press@"}
    answer = await studio.post("/studio/give", **form)
    assert answer.status == 400
    text = await answer.text()
    assert 'value="press@"' in text
    assert 'aria-describedby="mail-error"' in text
    assert "Must be an email address." in text
    assert TOKEN in text


async def test_gifts_need_a_recent_sign_in(
    studio: Studio, clock: Clock
) -> None:
    """A session kept alive for more than an hour isn't enough."""
    clock.now += 3000
    answer = await studio.get("/studio")
    studio.cookie = next(iter(answer.cookies.values())).value
    clock.now += 600
    for path in ("/studio/give", "/studio/codes"):
        assert (await studio.get(f"{path}?item=zine")).status == 403
        answer = await studio.post(
            path, item="zine", token=TOKEN, campaign="a", count="1"
        )
        assert answer.status == 403
    assert (await studio.data("/studio/orders"))["orders"] == []
