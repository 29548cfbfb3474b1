# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio's health page."""

import html
import re
import shutil
from pathlib import Path

from msrv.mail.corrections.correction_mail import CorrectionMail
from msrv.mail.failed_mails import FailedMail
from msrv.mail.receipt_mail import MailKind
from msrv.orders.rate_limits import ShopLimits
from msrv.settings import Settings
from msrv.web.store import STORE
from msrv.web.studio import health
from tests.conftest import StartStore
from tests.ledger.sample_events import order_id
from tests.polling import wait_until
from tests.store_parts import mail_of, with_mail
from tests.store_process import ROOT
from tests.web.studio.conftest import JSON, Studio


async def test_health_shows_unsent_mail_and_refused_requests(
    start_store: StartStore, settings: Settings, session: str
) -> None:
    store = await start_store(with_mail(settings))
    studio = Studio(store, session)
    page = await studio.text("/studio/health")
    assert 'id="mail"' in page
    assert "Not sent" not in page
    assert 'id="limits"' not in page
    for _ in range(7):
        await store.post(
            "/purchases",
            data={"item": "zine", "mail": "a@example.net"},
            headers=JSON,
        )
    postman = mail_of(store)
    postman.failed = 3
    now = store.app[STORE].clock()
    postman.recent_failures += [
        FailedMail("receipt", order_id(1), "", "550 <b>unknown", now),
        FailedMail("withdrawal", order_id(2), "", "551 moved", now),
        FailedMail("seller", "", "A <i>sale", "552 full", now),
    ]
    await wait_until(lambda: postman.problem)
    page = await studio.text("/studio/health")
    assert page.count("The mail server can't be used: ") == 1
    # There, and in the check of the relay.
    assert page.count("Connect call failed") == 2
    assert "2 mails: too many were requested" in page
    text = page[page.index('id="mail"') : page.index('id="limits"')]
    found = re.findall(
        r'ledger-head">(.*?)</p><p.*?>(.*?)</p>', text, re.DOTALL
    )
    assert [
        (" ".join(re.sub(r"<.+?>", "", head).split()), why)
        for head, why in found
    ] == [
        (f"Receipt: Order {order_id(1)}", "550 &lt;b&gt;unknown"),
        (f"Withdrawal received: order {order_id(2)}", "551 moved"),
        ("A &lt;i&gt;sale", "552 full"),
    ]
    assert "refused 2 times since start" in page
    data = await studio.data("/studio/health")
    assert (data["mail"]["dropped"], data["limited"]["mails"]) == (2, 2)
    assert data["mail"]["trouble"] == postman.problem
    assert data["mail"]["last_given_up"][0]["order_id"] == order_id(1)
    assert [each["kind"] for each in data["mail"]["last_given_up"]] == [
        "receipt",
        "withdrawal",
        "seller",
    ]
    assert "a@example.net" not in page + str(data)


async def test_health_names_each_kind_of_mail_and_a_file_that_fails(
    start_store: StartStore, settings: Settings, session: str
) -> None:
    store = await start_store(with_mail(settings))
    worker = mail_of(store)
    kinds = [each.value for each in MailKind] + [CorrectionMail.KIND]
    worker.recent_failures += [
        FailedMail(kind, order_id(1), "", "550", 1) for kind in kinds
    ]
    path = settings.data / "outbox" / f"{order_id(2)}.json"
    path.mkdir(parents=True)
    await wait_until(lambda: worker.disk_problem)
    page = await Studio(store, session).text("/studio/health")
    text = re.sub(r"\s+", " ", re.sub(r"<.+?>", "", html.unescape(page)))
    for name in ("Receipt", "Gift", "Bill", "Refund"):
        assert f"{name}: Order {order_id(1)}" in text
    assert text.count(f": Order {order_id(1)}") == len(kinds)
    assert (
        "A file or folder of waiting mails can't be used: "
        f"{path}: Is a directory." in text
    )
    assert "The mail server can't be used" not in text


async def test_health_has_no_mail_section_without_mail(studio: Studio) -> None:
    assert 'id="mail"' not in await studio.text("/studio/health")
    assert "mail" not in await studio.data("/studio/health")


async def test_health_page_works_while_the_database_is_unavailable(
    offline_studio: Studio,
) -> None:
    page = await offline_studio.text("/studio/health")
    assert "Unavailable" in page
    assert "Can&#39;t connect to MySQL server" in page
    assert "needs attention" in page
    told = await offline_studio.data("/studio/health")
    assert told["ledger"]["state"] == "degraded"
    assert told["ledger"]["answers"] is False
    assert told["library"]["releases"] == 3


async def test_health_shows_library_problems(
    studio: Studio, settings: Settings
) -> None:
    told = await studio.data("/studio/health")
    assert told["ledger"]["answers"] is True
    assert told["library"]["problems"] == []
    assert [each["name"] for each in told["disks"]] == ["data", "library"]
    assert all(each["free_bytes"] > 0 for each in told["disks"])
    toml = settings.library_folder / "Zine" / "release.toml"
    toml.write_text('title = "Zine"\nprice = "<b>"\n', encoding="utf-8")
    assert studio.store.app is not None
    live = studio.store.app[STORE].catalog
    await wait_until(lambda: live.reading.problems)
    page = await studio.text("/studio/health")
    assert "<bdi>Zine/release.toml</bdi>, line 2" in page
    assert "<b>" not in page


async def test_health_shows_library_notes(
    studio: Studio, settings: Settings
) -> None:
    single = settings.library_folder / "Umbrella"
    shutil.copy(single / "Umbrella.wav", single / "<b>.mp3")
    assert studio.store.app is not None
    live = studio.store.app[STORE].catalog
    note = "Umbrella/<b>.mp3 is WAV, not mp3, and is sent as audio/wav"
    await wait_until(lambda: note in live.reading.notes)
    assert note in (await studio.data("/studio/health"))["library"]["notes"]
    page = await studio.text("/studio/health")
    assert html.escape(note) in page
    assert "<b>" not in page


async def test_health_page_shows_the_checks_with_their_fixes(
    studio: Studio,
) -> None:
    page = await studio.text("/studio/health")
    assert 'id="checks"' in page
    assert "MSRV_PUBLIC_URL is not set" in page
    assert "Fix: set it to the address that they type" in page
    assert "this store listens on port" in page
    rows = (await studio.data("/studio/health"))["checks"]
    assert rows[0]["check"] == "DNS"
    names = [each["check"] for each in rows]
    assert {"ports", "disk", "relay", "Stripe", "database"} <= set(names)
    assert "fail" not in {each["outcome"] for each in rows}


async def test_health_page_shows_failed_checks(
    offline_studio: Studio,
) -> None:
    page = await offline_studio.text("/studio/health")
    assert '<span class="outcome outcome-fail">Fail</span> database' in page
    assert "1 failure" in page


async def test_health_shows_the_progress_of_the_formats(
    start_store: StartStore, settings: Settings, library: Path, session: str
) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write('formats = ["flac", "mp3-v0"]\n')
    store = await start_store(settings.model_copy(update={"encode_jobs": 0}))
    assert store.app is not None
    progress = store.app[STORE].encodings.progress
    await wait_until(lambda: progress.status.wanted)
    progress.report("the disk is <almost> full")
    studio = Studio(store, session)
    page = await studio.text("/studio/health")
    assert "0 of 6 ready" in page
    assert "the disk is &lt;almost&gt; full" in page
    data = await studio.data("/studio/health")
    assert data["formats"] == {
        "wanted": 6,
        "ready": 0,
        "waiting": 6,
        "failed": 0,
        "size_bytes": 0,
        "trouble": "the disk is <almost> full",
    }


def test_each_limit_has_a_name_and_a_row_in_the_documents() -> None:
    limits = ShopLimits().refused()
    assert health.LIMIT_NAMES.keys() == limits.keys()
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = page.partition("| `limit` in")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(limits)
