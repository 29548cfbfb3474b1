"""The studio's health page: what mail was not sent, what was refused."""

from pydantic import SecretStr

from msrv.mail.worker import FailedMail
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import StartStore
from tests.ledger.sample_events import order_id
from tests.polling import wait_until
from tests.store_parts import mail_of
from tests.store_process import free_port
from tests.web.studio.conftest import JSON, Studio


async def test_health_says_what_mail_was_not_sent_and_what_was_refused(
    start_store: StartStore, settings: Settings, session: str
) -> None:
    """An operator learns of mails that never went from angry buyers."""
    store = await start_store(
        settings.model_copy(
            update={
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
                "mail_from": "shop@example.org",
                "public_url": "https://shop.example",
            }
        )
    )
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
    postman.failed = 1
    postman.recent_failures.append(
        FailedMail(order_id(1), "550 <b>unknown", store.app[STORE].clock())
    )
    await wait_until(lambda: postman.problem)
    page = await studio.text("/studio/health")
    assert page.count("The mail server can't be used: ") == 1
    assert page.count("Connect call failed") == 1
    assert "2 receipts: too many were requested" in page
    assert "550 &lt;b&gt;unknown" in page
    assert "refused 2 times since start" in page
    data = await studio.data("/studio/health")
    assert (data["mail"]["dropped"], data["limited"]["mails"]) == (2, 2)
    assert data["mail"]["trouble"] == postman.problem
    assert data["mail"]["last_given_up"][0]["order_id"] == order_id(1)
    assert "a@example.net" not in page + str(data)


async def test_health_without_mail(studio: Studio) -> None:
    """A store that sends none is told of mail."""
    assert 'id="mail"' not in await studio.text("/studio/health")
    assert "mail" not in await studio.data("/studio/health")
