# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of what the store depends on: mail, payments, database, keys."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Final

from msrv.display_text import reason_of
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    OtherClock,
    failed,
    in_thread,
    passed,
    skew,
    warned,
)
from msrv.mail import addresses, headers
from msrv.mail.addresses import BadAddress
from msrv.mail.smtp import SmtpClient, SmtpError, SmtpSettings, TlsMode
from msrv.payments.provider import PaymentError
from msrv.proofs.keyring import Keyring
from msrv.retired_keys.key_file import RetiredKeyFile
from msrv.retired_keys.key_list import InvalidKeyList, confirmed_keys
from msrv.settings import Settings
from msrv.translations import DeferredText, deferred

if TYPE_CHECKING:
    from msrv.payments.stripe.account import WebhookEndpoint


_ACCEPTS: Final = {
    TlsMode.IMPLICIT: deferred("it accepts the store over TLS"),
    TlsMode.STARTTLS: deferred("it accepts the store by STARTTLS"),
    TlsMode.NONE: deferred("it accepts the store on this machine"),
}
_ACCEPTED: Final = {
    TlsMode.IMPLICIT: deferred("it accepted the test mail over TLS"),
    TlsMode.STARTTLS: deferred("it accepted the test mail by STARTTLS"),
    TlsMode.NONE: deferred("it accepted the test mail on this machine"),
}


async def check_relay(context: CheckContext) -> Sequence[Finding]:
    """Check that the mail relay accepts the store; send a test mail if asked.

    Connects, starts TLS, and signs in, as for a receipt.
    """
    settings, to = context.settings, context.mail_to
    if settings.smtp_url is None or settings.mail_from is None:
        if to is not None:
            return [
                failed(
                    deferred("no relay is set, so no test mail was sent"),
                    deferred("set MSRV_SMTP_URL and MSRV_MAIL_FROM"),
                )
            ]
        return [passed(deferred("not set: the store sends no mail"))]
    relay = SmtpSettings.parse(settings.smtp_url.get_secret_value())
    where = deferred(
        "%(host)s port %(number)s", host=relay.host, number=relay.port
    )
    try:
        message = to and compose_test_mail(
            settings.mail_from, to, context.clock()
        )
    except BadAddress as error:
        return [
            failed(
                f"MSRV_MAIL_FROM: {error}",
                deferred("change that setting"),
            )
        ]
    try:
        async with SmtpClient(relay).session() as session:
            if to and message:
                sender = addresses.parse_sender(settings.mail_from).addr_spec
                await session.send(message, sender, to)
    except SmtpError as error:
        return [
            failed(
                deferred("%(relay)s: %(reason)s", relay=where, reason=error),
                _relay_fix(relay),
            )
        ]
    text = (_ACCEPTED if to else _ACCEPTS)[relay.tls]
    if not relay.user:
        text = deferred("%(accepted)s, without a user name", accepted=text)
    return [
        passed(deferred("%(relay)s: %(accepts)s", relay=where, accepts=text))
    ]


def compose_test_mail(sender: str, to: str, now: float) -> EmailMessage:
    """Return a mail that says that mail works. Raises BadAddress."""
    address = addresses.parse_sender(sender)
    message = EmailMessage(policy=headers.MailPolicy())
    message["From"] = headers.mailbox(address.display_name, address.addr_spec)
    message["To"] = headers.mailbox("", to)
    message["Subject"] = headers.unstructured("Test mail of your store")
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = make_msgid(domain=address.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "The relay of your store accepts its mail.\n\n"
        "If this arrived in a spam folder, receipts do, too: set up SPF, "
        "DKIM\nand DMARC for the sender's domain.\n"
    )
    return message


def _relay_fix(relay: SmtpSettings) -> DeferredText:
    if relay.tls is TlsMode.NONE:
        return deferred("start the mail server, or change MSRV_SMTP_URL")
    return deferred(
        "check host, port, user and password in MSRV_SMTP_URL, and that the "
        "network lets this machine send mail: many hosts block port 25"
    )


async def check_stripe(context: CheckContext) -> Sequence[Finding]:
    """Check Stripe's key, its mode, and the webhook endpoint."""
    settings = context.settings
    if settings.stripe_key is None:
        return [passed(deferred("not set: nobody can pay by Stripe"))]
    from msrv.payments.stripe.account import (  # noqa: PLC0415 - an extra
        read_account,
    )

    started = context.clock()
    try:
        account = await read_account(
            settings, tries_refund=not context.serving
        )
    except PaymentError as error:
        return [
            failed(
                deferred("Stripe can't be reached: %(reason)s", reason=error),
                deferred(
                    "let this machine connect to api.stripe.com port 443"
                ),
            )
        ]
    if not account.accepted:
        return [
            failed(
                deferred("Stripe doesn't accept MSRV_STRIPE_KEY"),
                deferred(
                    "create a new key in Stripe's dashboard, under Developers"
                ),
            )
        ]
    found = [
        passed(deferred("the key is valid, for real money"))
        if settings.stripe_is_live
        else warned(
            deferred("the key is for test mode: no money moves"),
            deferred("use a live key (sk_live_… or rk_live_…) to sell"),
        )
    ]
    if account.answered_at is not None:
        # The header has whole seconds, rounded down.
        found += skew(
            OtherClock.STRIPE, started, context.clock(), account.answered_at, 1
        )
    if account.may_refund is False:
        found.append(
            warned(
                deferred("this key isn't allowed to make refunds"),
                deferred(
                    "give the key write access to Charges and Refunds in "
                    "Stripe's dashboard, to refund orders in the studio"
                ),
            )
        )
    return [*found, *_webhook(settings, account.endpoint)]


def _webhook(
    settings: Settings, endpoint: "WebhookEndpoint | None"
) -> Iterator[Finding]:
    url = f"{settings.public_url}/payments/stripe/webhook"
    create = deferred(
        "add an endpoint for %(url)s in Stripe's dashboard, and set "
        "MSRV_STRIPE_WEBHOOK_SECRET to its signing secret",
        url=url,
    )
    if settings.stripe_webhook_secret is None:
        yield failed(
            deferred(
                "MSRV_STRIPE_WEBHOOK_SECRET is not set: the store learns "
                "of no refund, and of no payment whose buyer doesn't return"
            ),
            create,
        )
    if settings.public_url is None:
        yield warned(
            deferred(
                "without MSRV_PUBLIC_URL, the webhook endpoint isn't compared"
            ),
            deferred("set it"),
        )
    elif endpoint is None:
        yield warned(
            deferred("this key may not list webhook endpoints"),
            deferred(
                "compare in Stripe's dashboard: %(url)s; or allow the "
                "restricted key to read Webhook Endpoints",
                url=url,
            ),
        )
    elif not endpoint.exists:
        yield failed(
            deferred("Stripe has no webhook endpoint for %(url)s", url=url),
            create,
        )
    elif not endpoint.enabled:
        yield failed(
            deferred("the webhook endpoint %(url)s is disabled", url=url),
            deferred("enable it in Stripe's dashboard"),
        )
    elif endpoint.missing:
        yield failed(
            deferred(
                "the webhook endpoint doesn't receive %(events)s",
                events=", ".join(endpoint.missing),
            ),
            deferred("add these events to it in Stripe's dashboard"),
        )
    else:
        yield passed(deferred("the webhook endpoint receives all events"))


async def check_database(context: CheckContext) -> Sequence[Finding]:
    """Check that the ledger's database can be used, and its TLS."""
    # SQLAlchemy is slow to import, and this module is imported at the start.
    from msrv.health_checks.database import (  # noqa: PLC0415
        inspect_database,
    )

    return await inspect_database(context)


async def check_keys(context: CheckContext) -> Sequence[Finding]:
    """Check that receipts of former NONCEs stay valid."""
    return [await in_thread(_keys, context.settings, context.keyring)]


def _keys(settings: Settings, keyring: Keyring) -> Finding:
    file = RetiredKeyFile(settings.data)
    try:
        keys, others = confirmed_keys(keyring, file.read())
    except (OSError, InvalidKeyList) as error:
        return failed(
            deferred(
                "%(path)s can't be read: %(reason)s",
                path=file.path,
                reason=reason_of(error),
            ),
            deferred(
                "restore it from a backup or from `msrv keys export`: "
                "receipts of former NONCEs aren't accepted"
            ),
        )
    known = {each.kid for each in keys}
    if any(each.kid not in known for each in keyring.generations[1:]):
        return warned(
            deferred("the public key of NONCE_PREVIOUS isn't kept yet"),
            deferred(
                "start the store once before you remove NONCE_PREVIOUS; "
                "the key of a weak one is never kept"
            ),
        )
    if others:
        return warned(
            deferred(
                "%(path)s has keys that NONCE hasn't confirmed: %(others)s",
                path=file.path,
                others=others,
            ),
            deferred("look at `msrv keys`, then import or forget them"),
        )
    if known:
        return passed(
            deferred(
                "receipts of former NONCEs are accepted: %(count)s",
                count=len(known),
            )
        )
    return passed(deferred("NONCE has never been changed"))
