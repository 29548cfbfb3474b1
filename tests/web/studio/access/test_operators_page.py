# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The page of operators, and the record of acts by each."""

import csv
import io

import pytest

from msrv.web.studio.auth import COOKIE
from tests.ledger.sample_events import order_id, sale
from tests.web.studio.conftest import JSON, Studio, page, submit

PATH = "/studio/operators"


async def change(studio: Studio, kind: str, **form: str) -> int:
    """Make a change as the owner without a name; return the status."""
    return (await studio.post(PATH, change=kind, **form)).status


async def test_owner_adds_changes_and_removes_operators(
    any_studio: Studio,
) -> None:
    store, owner = any_studio.store, any_studio.cookie
    await any_studio.store_events(sale(1, ("song", 100)))
    assert "Nobody has been added yet" in await any_studio.text(PATH)
    assert await change(any_studio, "add", name="anna", role="sales") == 303
    answer = await any_studio.post(PATH, JSON, change="link", name="anna")
    link = (await answer.json())["link"]
    path = "/studio/enter/" + link.rpartition("/")[2]
    anna = (await submit(store, path)).cookies[COOKIE].value
    any_studio.cookie = anna
    await any_studio.text(f"/studio/orders/{order_id(1)}")
    assert (await any_studio.get(PATH)).status == 403
    any_studio.cookie = owner
    assert await change(any_studio, "role", name="anna", role="owner") == 303
    any_studio.cookie = anna
    assert 'value="owner" selected' in await any_studio.text(PATH)
    # Even her own.
    assert await change(any_studio, "remove", name="anna") == 303
    assert await page(store, anna) == 401
    any_studio.cookie = owner
    (row,) = (await any_studio.data(PATH))["operators"]
    assert row["ended_at"] is not None

    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/activity?by=operator.anna")
    assert {each["act"] for each in told["acts"]} == {
        "sign-in",
        "view-order",
        "remove-operator",
    }
    answer = await any_studio.get("/studio/activity.csv?by=-")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert {(each["by"], each["act"], each["subject"]) for each in rows} >= {
        ("", "add-operator", "anna:sales"),
        ("", "make-link", "anna"),
        ("", "change-role", "anna:owner"),
    }
    shown = await any_studio.text("/studio/activity")
    assert "owner without a name" in shown
    ticket = path.rpartition("/")[2]
    assert ticket not in shown + str(rows)
    order = await any_studio.text(f"/studio/orders/{order_id(1)}")
    assert "by anna" in order


async def test_removal_is_confirmed_first(studio: Studio) -> None:
    assert await change(studio, "add", name="anna", role="sales") == 303
    listed = await studio.text(PATH)
    assert 'value="remove"' not in listed
    assert f'href="{PATH}?remove=anna"' in listed
    confirming = await studio.text(f"{PATH}?remove=anna")
    assert "Remove <bdi>anna</bdi>?" in confirming
    assert 'name="change" value="remove"' in confirming
    assert 'name="name" value="anna"' in confirming
    # Opening it removes nobody, and an unknown name leads to the list.
    (told,) = (await studio.data(f"{PATH}?remove=anna"))["operators"]
    assert told["ended_at"] is None
    assert "?remove=anna" in await studio.text(f"{PATH}?remove=boris")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"change": "add", "name": "Anna", "role": "sales"}, "name"),
        ({"change": "add", "name": "boris", "role": "sales"}, "name"),
        ({"change": "add", "name": "anna", "role": "admin"}, "role"),
        ({"change": "role", "name": "anna", "role": "sales"}, "name"),
        ({"change": "remove", "name": "anna"}, "name"),
        ({"change": "link", "name": "anna"}, "name"),
        ({"change": "", "name": "boris"}, "change"),
    ],
)
async def test_wrong_field_changes_nothing(
    studio: Studio, form: dict[str, str], field: str
) -> None:
    assert await change(studio, "add", name="boris", role="owner") == 303
    before = await studio.data(PATH)
    answer = await studio.post(PATH, JSON, **form)
    assert answer.status == 400
    assert (await answer.json())["field"] == field
    assert await studio.data(PATH) == before
    assert (await studio.get("/studio/activity?by=A")).status == 400
