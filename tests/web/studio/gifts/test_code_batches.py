# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes that are made in the studio."""

import asyncio
import csv
import io
import re
from typing import Any

import pytest

from msrv.orders.grants import printed_codes
from msrv.proofs.codes import MAX_SERIAL
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.web.studio.conftest import JSON, Studio

FORM = {"item": "zine", "campaign": "vinyl-2027", "count": "3"}


async def make(studio: Studio, **form: str) -> list[dict[str, Any]]:
    """Make codes, and return them."""
    answer = await studio.post("/studio/codes", JSON, **{**FORM, **form})
    assert answer.status == 201, await answer.text()
    found: list[dict[str, Any]] = (await answer.json())["codes"]
    return found


async def test_codes_are_those_of_the_command_and_can_be_redeemed(
    any_studio: Studio, keyring: Keyring
) -> None:
    made = await make(any_studio)
    assert [each["serial"] for each in made] == [1, 2, 3]
    expected = printed_codes.mint_codes(
        keyring,
        made[0]["url"].partition("/redeem")[0],
        item_id="zine",
        campaign="vinyl-2027",
        first=1,
        count=3,
    )
    assert [each["code"] for each in made] == [each.code for each in expected]
    answer = await any_studio.store.post(
        "/redeem", data={"code": made[1]["code"]}, headers=JSON
    )
    assert answer.status == 201, await answer.text()
    await any_studio.wait_until_synced()
    act = next(
        each
        for each in (await any_studio.data("/studio/activity"))["acts"]
        if each["act"] == "make-codes"
    )
    assert act["subject"] == "vinyl-2027:1-3:zine"


async def test_more_codes_continue_after_the_last(any_studio: Studio) -> None:
    """Also where two operators make some at once."""
    batches = await asyncio.gather(*(make(any_studio) for _ in range(4)))
    serials = [each["serial"] for made in batches for each in made]
    assert sorted(serials) == list(range(1, 13))
    # Another campaign, and another item, have numbers of their own.
    assert (await make(any_studio, campaign="tour"))[0]["serial"] == 1
    assert (await make(any_studio, item="departure"))[0]["serial"] == 1
    # Earlier ones are made again by their number, and don't set it back.
    again = await make(any_studio, first="1")
    assert again == min(batches, key=lambda each: each[0]["serial"])
    assert (await make(any_studio))[0]["serial"] == 13
    assert (await make(any_studio, first="100"))[0]["serial"] == 100
    assert (await make(any_studio))[0]["serial"] == 103


async def test_same_form_leads_to_the_same_codes(any_studio: Studio) -> None:
    """Sent twice at once, by a reload, or as a file; a changed one doesn't."""
    page = await any_studio.text("/studio/codes?item=zine")
    (token,) = re.findall(r'name="token" value="([0-9a-f]{24})"', page)
    first, second = await asyncio.gather(
        *(make(any_studio, token=token) for _ in range(2))
    )
    assert first == second == await make(any_studio, token=token)
    assert [each["serial"] for each in first] == [1, 2, 3]
    more = await make(any_studio, token=token, count="4")
    assert [each["serial"] for each in more] == [4, 5, 6, 7]
    assert (await make(any_studio, token=token, item="departure"))[0][
        "serial"
    ] == 1
    # The form that is opened for the next ones is another one.
    page = await any_studio.text("/studio/codes?item=zine")
    (other,) = re.findall(r'name="token" value="([0-9a-f]{24})"', page)
    assert (await make(any_studio, token=other))[0]["serial"] == 8


async def test_form_with_a_mistake_keeps_its_token(studio: Studio) -> None:
    form = {**FORM, "token": "0d" * 12, "count": "0"}
    answer = await studio.post("/studio/codes", **form)
    assert 'name="token" value="' + "0d" * 12 in await answer.text()
    answer = await studio.post("/studio/codes", **{**FORM, "token": "x"})
    assert answer.status == 400
    assert 'id="token-error"' in await answer.text()


async def test_codes_are_a_page_a_file_and_a_sheet(studio: Studio) -> None:
    page = await studio.text("/studio/codes?item=zine")
    assert 'name="campaign"' in page
    answer = await studio.post("/studio/codes", **FORM)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "private, no-store"
    text = await answer.text()
    (shown,) = re.findall(r"data-copy-source>([^<]+)<", text)
    codes = shown.split()
    assert len(codes) == 3
    again = {**FORM, "first": "1"}
    answer = await studio.post("/studio/codes", **again, format="csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [each["code"] for each in rows] == codes
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="codes-vinyl-2027-1-3.csv"'
    )
    answer = await studio.post("/studio/codes", **again, format="sheet")
    sheet = await answer.text()
    assert all(each in sheet for each in codes)
    assert sheet.count("<svg") == 3
    # The policy allows no style in the page.
    assert "<style" not in sheet
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', sheet)
    assert (await studio.store.get(style)).status == 200


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"campaign": "Vinyl 2027!"}, "campaign", "like vinyl-2026"),
        ({"campaign": ""}, "campaign", "like vinyl-2026"),
        ({"campaign": "ended"}, "campaign", "this campaign has ended"),
        ({"count": "0"}, "count", "from 1 to 1,000"),
        ({"count": "1001"}, "count", "from 1 to 1,000"),
        ({"count": "many"}, "count", "from 1 to 1,000"),
        ({"first": "0"}, "first", "from 1 to 1,048,575"),
        ({"first": str(MAX_SERIAL)}, "first", "numbers end at"),
    ],
)
async def test_mistake_is_beside_its_field(
    start_store: StartStore,
    settings: Settings,
    session: str,
    form: dict[str, str],
    field: str,
    words: str,
) -> None:
    ended = settings.model_copy(update={"ended_campaigns": ("ended",)})
    studio = Studio(await start_store(ended), session)
    await studio.wait_until_synced()
    answer = await studio.post("/studio/codes", **{**FORM, **form})
    assert answer.status == 400
    text = await answer.text()
    assert f'id="{field}-error"' in text
    assert words in text
    assert f'aria-describedby="{field}-error"' in text
    # Nothing was reserved.
    assert (await make(studio))[0]["serial"] == 1


async def test_forms_without_an_item_lead_to_the_releases(
    studio: Studio,
) -> None:
    for path in ("/studio/give", "/studio/codes"):
        answer = await studio.store.get(
            path,
            headers={"Cookie": f"__Secure-studio={studio.cookie}"},
            allow_redirects=False,
        )
        assert answer.status == 303
        assert answer.headers["Location"] == "/studio/releases"
        assert (await studio.get(f"{path}?item=nothing")).status == 404


async def test_no_codes_are_made_without_the_database(
    offline_studio: Studio,
) -> None:
    answer = await offline_studio.post("/studio/codes", **FORM)
    assert answer.status == 503
    assert "Nothing was changed" in await answer.text()
