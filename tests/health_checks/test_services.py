# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of mail relay, Stripe and retired keys, with real servers."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import trustme
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    Outcome,
    run_checks,
)
from msrv.health_checks.services import (
    check_keys,
    check_relay,
    check_stripe,
)
from msrv.mail.smtp import TlsMode
from msrv.payments.stripe.webhooks import EVENT_TYPES
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.retired_keys.key_file import FILE_NAME, RetiredKeyFile
from tests.conftest import NONCE
from tests.health_checks.conftest import MakeContext
from tests.mail.smtp_servers import (
    PASSWORD,
    USER,
    Authority,
    Handler,
    relay,
    serving,
)
from tests.payments.stripe import stripe_objects
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_process import free_port

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
SHOP: Final = "https://shop.example"
HOOK: Final = f"{SHOP}/payments/stripe/webhook"


def outcomes(findings: object) -> list[Outcome]:
    assert isinstance(findings, (list, tuple))
    for each in findings:
        assert isinstance(each, Finding)
        assert bool(each.fix) == (each.outcome is not PASS)
        for secret in (KEY, SECRET, PASSWORD, NONCE):
            assert secret not in each.text + each.fix
    return [each.outcome for each in findings]


def mail_settings(url: str) -> dict[str, object]:
    return {
        "smtp_url": SecretStr(url),
        "mail_from": "Shop <shop@example.org>",
        "public_url": SHOP,
    }


async def test_relay_that_is_not_set(context: MakeContext) -> None:
    assert outcomes(await check_relay(context())) == [PASS]
    wanted = replace(context(), mail_to="me@example.net")
    (found,) = await check_relay(wanted)
    assert found.outcome is FAIL
    assert "no test mail was sent" in found.text


async def test_relay_on_this_machine_and_a_test_mail(
    context: MakeContext,
) -> None:
    handler = Handler()

    def protocol() -> SMTP:
        return SMTP(handler, hostname="relay.test")

    async with serving(protocol) as port:
        at = context(**mail_settings(f"smtp://127.0.0.1:{port}"))
        (found,) = await check_relay(at)
        assert found.text == (
            f"127.0.0.1 port {port}: it accepts the store on this machine, "
            "without a user name"
        )
        assert handler.mails == []
        (found,) = await check_relay(replace(at, mail_to="me@example.net"))
        assert "it accepted the test mail" in found.text
        (mail,) = handler.mails
        assert mail["To"] == "me@example.net"
        assert mail["From"] == "Shop <shop@example.org>"
        assert mail["Subject"] == "Test mail of your store"
        assert handler.envelopes[0].mail_from == "shop@example.org"
        handler.rcpt.append("550 no such user me@example.net")
        (found,) = await check_relay(replace(at, mail_to="me@example.net"))
        assert found.outcome is FAIL
        assert "550 no such user" in found.text
        assert "me@example.net" not in found.text


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Authority that this process trusts, as the system's."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.issue_cert("127.0.0.1").configure_cert(server)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return Authority(server, ssl.create_default_context())


@pytest.mark.parametrize(
    ("password", "outcome"), [(PASSWORD, PASS), ("wrong", FAIL)]
)
async def test_relay_over_tls_checks_the_password(
    context: MakeContext, authority: Authority, password: str, outcome: Outcome
) -> None:
    port = free_port()
    async with relay(Handler(), TlsMode.IMPLICIT, authority, port=port):
        written = password.replace("@", "%40").replace("/", "%2F")
        url = f"smtps://{USER}:{written}@127.0.0.1:{port}"
        found = await check_relay(context(**mail_settings(url)))
    assert outcomes(found) == [outcome]
    assert ("over TLS" in found[0].text) == (outcome is PASS)


async def test_relay_with_an_untrusted_certificate(
    context: MakeContext,
) -> None:
    port = free_port()
    other = Authority.make()
    async with relay(Handler(), TlsMode.IMPLICIT, other, port=port):
        url = f"smtps://{USER}:x@127.0.0.1:{port}"
        (found,) = await check_relay(context(**mail_settings(url)))
    assert found.outcome is FAIL
    assert "certificate" in found.text.lower()


async def test_relay_that_is_down(context: MakeContext) -> None:
    url = f"smtp://user:secret-word@127.0.0.1:{free_port()}"
    (found,) = await check_relay(context(**mail_settings(url)))
    assert found.outcome is FAIL
    assert "secret-word" not in found.text + found.fix


async def test_relay_that_hangs_leaves_no_connection(
    context: MakeContext,
) -> None:
    ended = asyncio.Event()

    async def hang(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        at = context(**mail_settings(f"smtp://127.0.0.1:{port}"))
        (found,) = await run_checks(
            {"relay": check_relay}, at, timeout_seconds=0.5
        )
        assert found.finding.text == "no answer within 0.5 s"
        await asyncio.wait_for(ended.wait(), 30)


@pytest.fixture
def paying(context: MakeContext, bank: FakeStripe) -> CheckContext:
    """Context of a store with that Stripe."""
    return context(
        public_url=SHOP,
        stripe_key=SecretStr(KEY),
        stripe_webhook_secret=SecretStr(SECRET),
        stripe_api=bank.url,
    )


async def test_stripe_that_is_not_set(context: MakeContext) -> None:
    assert outcomes(await check_stripe(context())) == [PASS]


async def test_stripe_with_an_endpoint(
    paying: CheckContext, bank: FakeStripe
) -> None:
    bank.endpoints += [
        stripe_objects.endpoint(1, "https://other.example/hook", ["*"]),
        stripe_objects.endpoint(2, HOOK, sorted(EVENT_TYPES)),
    ]
    mode, hook = await check_stripe(paying)
    assert (mode.outcome, hook.outcome) == (WARN, PASS)
    assert "test mode" in mode.text
    assert hook.text == "the webhook endpoint receives all events"
    # What isn't read can't change anything.
    assert [each for each in bank.asked if not each.startswith("GET")] == [
        "POST /v1/refunds"
    ]
    assert bank.refunds == []


async def test_running_store_leaves_no_failed_refunds_in_stripes_log(
    paying: CheckContext, bank: FakeStripe
) -> None:
    await check_stripe(replace(paying, serving=True))
    assert {each.split()[0] for each in bank.asked} == {"GET"}


@pytest.mark.parametrize(
    ("url", "events", "status", "text"),
    [
        ("https://other.example/x", ["*"], "enabled", "has no webhook"),
        (HOOK, ["*"], "disabled", "is disabled"),
        (HOOK, ["charge.refunded"], "enabled", "doesn't receive"),
        (
            HOOK,
            sorted(EVENT_TYPES - {"refund.created"}),
            "enabled",
            "doesn't receive refund.created",
        ),
    ],
)
async def test_stripe_with_a_wrong_endpoint(
    paying: CheckContext,
    bank: FakeStripe,
    url: str,
    events: list[str],
    status: str,
    text: str,
) -> None:
    bank.endpoints.append(stripe_objects.endpoint(1, url, events, status))
    found = await check_stripe(paying)
    assert outcomes(found) == [WARN, FAIL]
    assert text in found[1].text


async def test_stripe_of_several_endpoints_the_best_one_counts(
    paying: CheckContext, bank: FakeStripe
) -> None:
    bank.endpoints += [
        stripe_objects.endpoint(1, HOOK, ["*"], "disabled"),
        stripe_objects.endpoint(2, HOOK, ["*"]),
        stripe_objects.endpoint(3, HOOK, ["charge.refunded"]),
    ]
    assert outcomes(await check_stripe(paying)) == [WARN, PASS]


async def test_stripe_with_a_restricted_key(
    paying: CheckContext, bank: FakeStripe
) -> None:
    bank.restricted = True
    found = await check_stripe(paying)
    assert outcomes(found) == [WARN, WARN, WARN]
    assert "isn't allowed to make refunds" in found[1].text
    assert "may not list webhook endpoints" in found[2].text


async def test_stripe_with_a_wrong_key(
    paying: CheckContext, bank: FakeStripe
) -> None:
    wrong = paying.settings.model_copy(
        update={"stripe_key": SecretStr("sk_test_wrong")}
    )
    (found,) = await check_stripe(replace(paying, settings=wrong))
    assert found.outcome is FAIL
    assert "doesn't accept MSRV_STRIPE_KEY" in found.text
    assert bank.asked


async def test_stripe_that_is_down(
    paying: CheckContext, bank: FakeStripe
) -> None:
    await bank.server.close()
    (found,) = await check_stripe(paying)
    assert found.outcome is FAIL
    assert "can't be reached" in found.text


async def test_stripe_without_a_webhook_secret(
    paying: CheckContext, bank: FakeStripe
) -> None:
    bank.endpoints.append(stripe_objects.endpoint(1, HOOK, ["*"]))
    settings = paying.settings.model_copy(
        update={"stripe_webhook_secret": None}
    )
    found = await check_stripe(replace(paying, settings=settings))
    assert outcomes(found) == [WARN, FAIL, PASS]
    assert "learns of no refund" in found[1].text


async def test_clock_that_differs_from_stripes(
    paying: CheckContext, bank: FakeStripe
) -> None:
    bank.endpoints.append(stripe_objects.endpoint(1, HOOK, ["*"]))
    base = paying.clock
    late = replace(paying, clock=lambda: base() - 7200)
    found = await check_stripe(late)
    assert outcomes(found) == [WARN, FAIL, PASS]
    assert "s behind Stripe's" in found[1].text


async def test_keys_of_a_store_that_never_changed_nonce(
    context: MakeContext,
) -> None:
    (found,) = await check_keys(context())
    assert (found.outcome, found.text) == (
        PASS,
        "NONCE has never been changed",
    )


async def test_keys_after_a_change_of_nonce(
    context: MakeContext, keyring: Keyring
) -> None:
    former = Keyring.from_nonces("a former one").current
    base = context()
    both = Keyring((keyring.current, former))
    (found,) = await check_keys(replace(base, keyring=both))
    assert found.outcome is WARN
    assert "isn't kept yet" in found.text
    file = RetiredKeyFile(base.settings.data)
    file.data.mkdir()
    file.add(both, [RetiredKey(former.receipt_public_key, 1)])
    (found,) = await check_keys(replace(base, keyring=both))
    assert found.outcome is PASS
    (found,) = await check_keys(base)
    assert found.text == "receipts of former NONCEs are accepted: 1"
    stranger = Keyring.from_nonces("a stranger's")
    (found,) = await check_keys(replace(base, keyring=stranger))
    assert found.outcome is WARN
    assert "hasn't confirmed: 1" in found.text
    (file.data / FILE_NAME).write_text("{")
    (found,) = await check_keys(base)
    assert found.outcome is FAIL
