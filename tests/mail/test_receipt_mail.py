"""What a buyer gets in the mail."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest

from msrv.mail.receipt_mail import ReceiptMail, ReceiptRenderer
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.ledger.sample_events import NOON, order_id
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


def test_it_holds_the_receipt(keyring: Keyring) -> None:
    """A buyer gets a mail that leads nowhere."""
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


def test_its_headers(keyring: Keyring) -> None:
    """The mail is taken for spam, or answered by a holiday notice."""
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


def test_it_says_what_to_do_for_those_who_never_ordered(
    keyring: Keyring,
) -> None:
    """Somebody gets a receipt of a stranger's doing, and is alarmed."""
    for part in parts(written(sample_mail(), keyring)):
        assert "Didn't order this? You can ignore this message." in part


def test_it_loads_nothing(keyring: Keyring) -> None:
    """Somebody learns when and where a buyer reads their mail."""
    _, html = parts(written(sample_mail(), keyring))
    assert not re.search(r"<(?:img|link|script|iframe|object|style)\b", html)
    assert not re.search(r"\b(?:src|background|srcset)=|url\(|@import", html)
    assert set(re.findall(r"https?://[^/\"<]+", html)) == {
        "https://shop.example"
    }


def test_a_retry_is_the_same_mail(keyring: Keyring) -> None:
    """After a broken connection a buyer has two mails that differ."""
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
def test_titles_and_names_stay_what_they_are(
    keyring: Keyring, text: str
) -> None:
    """A title or a store's name is a header of its own, or breaks the mail."""
    plain = " ".join(text.split())
    found = sample_mail(store=plain, titles=(text,))
    mail = written(found, keyring)
    assert mail["Bcc"] is None
    assert mail["To"] == TO
    assert mail["Subject"] == f"Your receipt from {plain}"
    body, html = parts(mail)
    assert text.splitlines()[0] in body.replace("\r\n", "\n")
    assert "<b> &" not in html
    raw = renderer(keyring).render(found).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_name_with_a_line_break_is_one_line(keyring: Keyring) -> None:
    """A store's name adds a header to each of its mails."""
    found = sample_mail(store="A\r\nBcc: all@example.org")
    mail = written(found, keyring)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Your receipt from A Bcc: all@example.org"


def test_a_letter_with_a_hundred_lines(keyring: Keyring) -> None:
    """The largest order's address is broken on its way."""
    titles = tuple(f"Track {each}" for each in range(100))
    body, html = parts(written(sample_mail(titles=titles), keyring))
    address = re.findall(r"https://shop\.example/purchases/[\w.-]+", body)
    assert len(address[0]) > 1000
    assert f'href="{address[0]}"' in html


def test_letters_are_read_as_they_were_written() -> None:
    """A letter that waited over a restart says something else."""
    assert ReceiptMail.from_json(sample_mail().to_json()) == sample_mail()
    for text in (b"", b"[]", b"{}", b'{"to": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - of any kind
            ReceiptMail.from_json(text)
    two = (
        sample_mail().to_json().replace(TO.encode(), b"a@example.org, b@c.de")
    )
    with pytest.raises(ValueError, match="not a mail address"):
        ReceiptMail.from_json(two)


def test_the_sender_can_have_a_name(keyring: Keyring) -> None:
    """An operator's own name is not used."""
    from msrv.mail import addresses  # noqa: PLC0415

    named = ReceiptRenderer(
        keyring, addresses.parse_sender("Till <till@example.org>")
    )
    assert named.render(sample_mail())["From"] == "Till <till@example.org>"
