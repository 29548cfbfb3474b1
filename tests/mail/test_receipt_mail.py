# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipt mails, as they are stored and rendered."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest

from msrv import translations
from msrv.mail.purchase_list import MailedPurchase
from msrv.mail.receipt_mail import (
    MailKind,
    ReceiptMail,
    ReceiptRenderer,
    RefundNote,
)
from msrv.proofs import receipts
from msrv.proofs.gifts.gift import Gift
from msrv.proofs.keyring import Keyring
from msrv.translations import negotiation
from tests.ledger.sample_events import CONSENT, NOON, order_id
from tests.mail.sample_mails import TO, renderer, sample_mail


def written(found: ReceiptMail, keyring: Keyring) -> EmailMessage:
    """The mail as a mail program reads it."""
    text = renderer(keyring).render(found).as_bytes()
    return message_from_bytes(text, policy=SMTP)


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Its text, and its HTML."""
    text, html = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"
    return (
        cast("EmailMessage", text).get_content(),
        cast("EmailMessage", html).get_content(),
    )


def test_mail_contains_the_receipt(keyring: Keyring) -> None:
    mail = written(sample_mail(), keyring)
    assert mail.get_content_type() == "multipart/alternative"
    for part in parts(mail):
        assert "Night Bus" in part
        assert "€7.00" in part
        assert "Wet Coats" in part
        assert "hello@example.org" in part
        (address,) = set(
            re.findall(r"https://shop\.example/purchases/[\w.-]+", part)
        )
        receipt = receipts.read(keyring, address.rpartition("/")[2])
        assert receipt == sample_mail().receipt


def test_headers_prevent_auto_replies_and_spam_scores(
    keyring: Keyring,
) -> None:
    mail = written(sample_mail(), keyring)
    assert mail["From"] == "Wet Coats <shop@example.org>"
    assert mail["To"] == TO
    assert mail["Subject"] == "Your receipt from Wet Coats"
    assert mail["Message-ID"] == f"<{order_id(1)}@example.org>"
    assert mail["Date"].datetime == datetime.fromtimestamp(NOON, UTC)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["MIME-Version"] == "1.0"
    for name, value in mail.items():
        assert not value.defects, name


def test_mail_of_a_grant_names_the_seller(keyring: Keyring) -> None:
    mail = sample_mail(titles=("Night Bus",))
    receipt = dataclasses.replace(mail.receipt, provider="grant")
    written_mail = written(dataclasses.replace(mail, receipt=receipt), keyring)
    for text in parts(written_mail):
        assert "given by the seller" in text
        assert "simulated" not in text


def test_mail_tells_strangers_to_ignore_it(
    keyring: Keyring,
) -> None:
    for part in parts(written(sample_mail(), keyring)):
        assert "Didn't order this? You can ignore this message." in part


def test_mail_loads_no_external_content(keyring: Keyring) -> None:
    _, html = parts(written(sample_mail(), keyring))
    assert not re.search(r"<(?:img|link|script|iframe|object|style)\b", html)
    assert not re.search(r"\b(?:src|background|srcset)=|url\(|@import", html)
    assert set(re.findall(r"https?://[^/\"<]+", html)) == {
        "https://shop.example"
    }


def test_rendering_is_deterministic(keyring: Keyring) -> None:
    first, again = (renderer(keyring).render(sample_mail()) for _ in range(2))
    assert first.as_bytes() == again.as_bytes()
    other = renderer(keyring).render(sample_mail(2))
    assert other["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize(
    "text",
    [
        "A\r\nBcc: all@example.org",
        "A\n\n.\nRCPT TO:<all@example.org>",
        "Ünïcöde, <b> & “quotes” 🎷" * 5,
        "x" * 200,
    ],
)
def test_titles_and_names_are_escaped(keyring: Keyring, text: str) -> None:
    plain = " ".join(text.split())
    found = sample_mail(store=plain, titles=(text,))
    mail = written(found, keyring)
    assert mail["Bcc"] is None
    assert mail["To"] == TO
    assert mail["Subject"] == f"Your receipt from {plain}"
    body, html = parts(mail)
    assert text.splitlines()[0] in body.replace("\r\n", "\n")
    assert "<b> &" not in html
    # In a direction of its own, whatever that of the mail is.
    assert html.count("<bdi>") == html.count("</bdi>") == 1
    raw = renderer(keyring).render(found).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_line_break_in_a_name_adds_no_header(keyring: Keyring) -> None:
    found = sample_mail(store="A\r\nBcc: all@example.org")
    mail = written(found, keyring)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Your receipt from A Bcc: all@example.org"


def test_link_in_a_mail_of_a_hundred_lines_is_whole(keyring: Keyring) -> None:
    titles = tuple(f"Track {each}" for each in range(100))
    body, html = parts(written(sample_mail(titles=titles), keyring))
    address = re.findall(r"https://shop\.example/purchases/[\w.-]+", body)
    assert len(address[0]) > 1000
    assert f'href="{address[0]}"' in html


def test_mail_survives_json() -> None:
    assert ReceiptMail.from_json(sample_mail().to_json()) == sample_mail()
    agreed = dataclasses.replace(sample_mail().receipt, consent=CONSENT)
    mail = dataclasses.replace(sample_mail(), receipt=agreed)
    assert ReceiptMail.from_json(mail.to_json()) == mail
    for text in (b"", b"[]", b"{}", b'{"to": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - of any kind
            ReceiptMail.from_json(text)
    two = (
        sample_mail().to_json().replace(TO.encode(), b"a@example.org, b@c.de")
    )
    with pytest.raises(ValueError, match="not a mail address"):
        ReceiptMail.from_json(two)


def test_sender_name_is_used(keyring: Keyring) -> None:
    from msrv.mail import addresses  # noqa: PLC0415

    named = ReceiptRenderer(
        keyring, addresses.parse_sender("Till <till@example.org>")
    )
    assert named.render(sample_mail())["From"] == "Till <till@example.org>"


def test_mail_has_the_seller_s_notes(keyring: Keyring) -> None:
    note = "You are a *star* <script>"
    found = dataclasses.replace(sample_mail(), thanks=(note, "Bye"))
    stored = ReceiptMail.from_json(found.to_json())
    assert stored == found
    text, html = parts(written(stored, keyring))
    assert f"{note}\n\nBye\n" in text.replace("\r\n", "\n")
    assert "You are a <em>star</em> &lt;script&gt;" in html


def test_note_links_to_pages_of_the_store(keyring: Keyring) -> None:
    mail = dataclasses.replace(
        sample_mail(), thanks=("See [the stems](/pages/stems).",)
    )
    text, html = parts(written(mail, keyring))
    assert "See [the stems](https://shop.example/pages/stems)." in text
    assert 'href="https://shop.example/pages/stems"' in html
    assert 'href="/' not in html


def test_mail_without_notes_is_one_for_older_versions() -> None:
    """A replica of an earlier version may send it."""
    assert b"thanks" not in sample_mail().to_json()
    assert b"consent" not in sample_mail().to_json()


def gift_mail(kind: MailKind, note: str = "For the train") -> ReceiptMail:
    """Return the mail of a gift, or of its bill."""
    return dataclasses.replace(
        sample_mail(),
        mail_id=f"{order_id(1)}-{kind.value}",
        kind=kind,
        gift=Gift("kim@example.org", note, "Robin"),
    )


@pytest.mark.parametrize("kind", [MailKind.GIFT, MailKind.BILL])
def test_gift_survives_the_outbox(kind: MailKind) -> None:
    mail = gift_mail(kind)
    assert ReceiptMail.from_json(mail.to_json()) == mail
    assert ReceiptMail.is_id(mail.mail_id)
    assert ReceiptMail.is_id(f"{mail.mail_id}-1800000000")


def test_mail_of_an_order_is_stored_as_before_gifts() -> None:
    """An earlier version, which shares the outbox, can read it."""
    stored = json.loads(sample_mail().to_json())
    assert not {"kind", "gift"} & stored.keys()


def test_gift_has_the_note_and_no_prices(keyring: Keyring) -> None:
    mail = written(gift_mail(MailKind.GIFT, "A <i>\nB"), keyring)
    assert mail["Subject"] == "A gift for you from Wet Coats"
    text, html = parts(mail)
    assert "A <i>\n    B" in text.replace("\r", "")
    assert "A &lt;i&gt;\nB" in html.replace("\r", "")
    for part in (text, html):
        assert "Robin" in part
        assert "Night Bus" in part
        assert "€7.00" not in part
        assert re.search(r"/purchases/[\w.-]+\?gift=1", part)


def test_bill_has_prices_and_no_links(keyring: Keyring) -> None:
    mail = written(gift_mail(MailKind.BILL), keyring)
    assert mail["Subject"] == "Your bill from Wet Coats"
    for part in parts(mail):
        assert "€7.00" in part
        assert "k…@example.org" in part
        for secret in ("http", "kim@", "Robin", "train"):
            assert secret not in part


def in_language(code: str, kind: MailKind = MailKind.RECEIPT) -> ReceiptMail:
    """Return the sample mail in a language, as the outbox gives it back."""
    mail = dataclasses.replace(sample_mail(), language=code, kind=kind)
    if kind is MailKind.FOUND:
        purchase = MailedPurchase(mail.receipt, mail.titles)
        mail = dataclasses.replace(mail, purchases=(purchase,))
    if kind is MailKind.REFUND:
        items = tuple(line.item_id for line in mail.receipt.lines[:1])
        note = RefundNote(mail.total.minor, items, ends_all=False)
        mail = dataclasses.replace(mail, refund=note)
    return ReceiptMail.from_json(mail.to_json())


@pytest.mark.parametrize("kind", MailKind)
def test_mail_is_in_the_language_of_the_order(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch, kind: MailKind
) -> None:
    monkeypatch.setattr(negotiation, "LANGUAGES", ("en", "ar"))
    monkeypatch.setattr(
        translations, "translate", lambda message: f"«{message}»"
    )
    mail = in_language("ar/de", kind)
    text, html = parts(written(mail, keyring))
    assert '<html lang="ar" dir="rtl">' in html
    assert html.count('dir="rtl"') == 3
    assert "text-align:right" in html  # where a line begins
    if kind is not MailKind.GIFT:
        assert "7,00\N{NO-BREAK SPACE}€" in text
        assert "7,00\N{NO-BREAK SPACE}€" in html
    assert written(mail, keyring)["Subject"].startswith("«")


def test_language_of_another_version_is_english(keyring: Keyring) -> None:
    text, html = parts(written(in_language("xx/yy_ZZ"), keyring))
    assert '<html lang="en" dir="ltr">' in html
    assert "Your downloads" in text


def test_english_mail_can_be_read_by_older_versions() -> None:
    mail = dataclasses.replace(sample_mail(), language="en")
    assert "language" not in json.loads(mail.to_json())
    assert "language" in json.loads(in_language("en/de").to_json())


def texts(mail: ReceiptMail, keyring: Keyring) -> list[str]:
    """Return a mail's text and its HTML without tags, each on one line."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", part).split())
        for part in parts(written(mail, keyring))
    ]


@pytest.mark.parametrize(
    "kind",
    [MailKind.RECEIPT, MailKind.BILL, MailKind.FOUND, MailKind.REISSUED],
)
@pytest.mark.parametrize("titles", [("Night Bus",), ("Night Bus", "Zine")])
def test_total_says_that_tax_was_added(
    kind: MailKind, titles: tuple[str, ...], keyring: Keyring
) -> None:
    mail = dataclasses.replace(
        sample_mail(titles=titles), kind=kind, adds_tax=True
    )
    if kind is MailKind.FOUND:
        found = MailedPurchase(mail.receipt, mail.titles, adds_tax=True)
        mail = dataclasses.replace(mail, purchases=(found,))
    mail = ReceiptMail.from_json(mail.to_json())
    for text in texts(mail, keyring):
        assert re.search(r"Total without tax (\.\.\. )?€7\.00", text)
    plain = dataclasses.replace(mail, adds_tax=False, purchases=())
    assert b"adds_tax" not in plain.to_json()
    for text in texts(plain, keyring):
        assert "without tax" not in text


def test_refund_has_its_own_date(keyring: Keyring) -> None:
    bought = datetime.fromtimestamp(NOON, UTC)
    note = RefundNote(700, at=NOON + 40 * 86_400)
    mail = dataclasses.replace(
        sample_mail(), kind=MailKind.REFUND, refund=note
    )
    mail = ReceiptMail.from_json(mail.to_json())
    assert mail.refund == note
    for text in texts(mail, keyring):
        found = re.search(r" Date:? (.+?) Date of purchase:? (.+)", text)
        assert found is not None
        assert f"{bought:%b} {bought.day}, {bought.year}" in found[2]
        assert f"{bought:%b} {bought.day}, {bought.year}" not in found[1]
    # Of a mail that an earlier version stored.
    old = dataclasses.replace(mail, refund=RefundNote(700))
    assert b'"at"' not in old.to_json()
    old = ReceiptMail.from_json(old.to_json())
    for text in texts(old, keyring):
        assert re.search(r"Date of purchase:? ", text)
        assert not re.search(r" Date:? \w+ \d", text)
