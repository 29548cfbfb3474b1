# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices as the visitor's language writes them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.money import Money, exponent_of
from msrv.orders.rate_limits import TooManyGuesses, TooManyMails
from msrv.settings import Settings
from msrv.translations.negotiation import FORMATS
from msrv.translations.prices import format_price
from msrv.web import formatting
from msrv.web.errors.table import error_page, redemption_page
from msrv.web.formatting import amount, moment_ms, share, whole_minutes
from tests.conftest import Client, StartStore

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("name", "amount", "shown"),
    [
        ("en", Money(123_450, "EUR"), "€1,234.50"),
        ("de", Money(123_450, "EUR"), f"1.234,50{NBSP}€"),
        ("de_AT", Money(123_450, "EUR"), f"€{NBSP}1.234,50"),
        ("ja", Money(1500, "JPY"), "￥1,500"),
        ("de", Money(1500, "JPY"), f"1.500{NBSP}¥"),
        ("en", Money(1_234_567, "KWD"), f"KWD{NBSP}1,234.567"),
        ("fr", Money(700, "USD"), f"7,00{NBSP}$US"),
        ("en_CA", Money(700, "CAD"), "$7.00"),
        ("en", Money(500, "ISK"), f"ISK{NBSP}500"),
        # CLDR would show no decimals of it; ISO 4217, and the price, has two.
        ("en", Money(150, "HUF"), f"HUF{NBSP}1.50"),
    ],
)
def test_price_in_each_language(name: str, amount: Money, shown: str) -> None:
    assert format_price(amount.minor, amount.currency, name) == shown


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ("hello@example.org", "mailto:hello@example.org"),
        (" hello@example.org ", "mailto:hello@example.org"),
        ("mailto:hello@example.org", "mailto:hello@example.org"),
        ("a+b@bücher.example", "mailto:a+b@xn--bcher-kva.example"),
        ("a&b%c?d@example.org", "mailto:a%26b%25c%3Fd@example.org"),
        ("grüße@example.org", "mailto:gr%C3%BC%C3%9Fe@example.org"),
        ("https://shop.example/help", "https://shop.example/help"),
        ("HTTPS://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://shop.example/a@b", "https://shop.example/a@b"),
        ("tel:+49 (30) 90.18-20", "tel:+4930901820"),
        ("", ""),
        ("at the merch table", ""),
        ("@wetcoats", ""),
        ("http://shop.example", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("tel:", ""),
        ("tel:+49 CALL ME", ""),
        ("tel:+٤٩٣٠", ""),
        ("javascript:alert(1)", ""),
        ("mailto:", ""),
        ("mailto:a@example.org?bcc=b@example.org", ""),
        ("a@example.org, b@example.org", ""),
        ("a@example.org\nExpires: never", ""),
        ("https://shop.example/\nExpires: never", ""),
    ],
)
def test_contact_with_a_url_is_a_mail_address_a_page_or_a_number(
    contact: str, url: str
) -> None:
    assert formatting.contact_url(contact) == url


@given(st.text())
def test_contact_url_is_one_line_of_ascii(contact: str) -> None:
    for text in (contact, f"https://{contact}", f"{contact}@example.org"):
        url = formatting.contact_url(text)
        assert url.isascii()
        assert not url or url.isprintable()
        assert " " not in url


@given(
    name=st.sampled_from(FORMATS),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "USD", "IQD", "CLP"]),
    minor=st.integers(0, 10**11),
)
def test_price_has_all_its_digits(
    name: str, currency: str, minor: int
) -> None:
    shown = format_price(minor, currency, name)
    digits = "".join(str(int(each)) for each in shown if each.isdecimal())
    assert digits == str(minor).rjust(exponent_of(currency) + 1, "0")


async def test_cached_page_is_per_language(store: Client) -> None:
    for path in ("/", "/catalog", "/catalog/night-bus"):
        for header, shown in (
            ("de", f"7,00{NBSP}€"),
            ("en", "€7.00"),
            ("de", f"7,00{NBSP}€"),
            (None, "€7.00"),
        ):
            headers = {} if header is None else {"Accept-Language": header}
            answer = await store.get(path, headers=headers)
            assert shown in await answer.text()
            assert "Accept-Language" in answer.headers["Vary"]


async def test_error_pages_use_the_visitors_price_format(
    store: Client,
) -> None:
    answer = await store.post(
        "/purchases",
        data={"item": "departure", "total_minor": "1"},
        headers={"Accept-Language": "de"},
    )
    assert f"1,00{NBSP}€" in await answer.text()


@pytest.mark.parametrize(
    ("currency", "price", "shown"),
    [("JPY", "1500", "¥1,500"), ("KWD", "1.250", f"KWD{NBSP}1.250")],
)
async def test_currencies_without_two_decimals(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    currency: str,
    price: str,
    shown: str,
) -> None:
    (library / "Umbrella" / "release.toml").write_text(
        f'currency = "{currency}"\nid = "umbrella-single"\n'
        f'[items."Umbrella.wav"]\nid = "umbrella"\nprice = "{price}"\n',
        encoding="utf-8",
    )
    store = await start_store(settings)
    await store.post("/cart", data={"add": "umbrella"})
    for path in ("/catalog/umbrella-single", "/cart", "/checkout"):
        assert shown in await (await store.get(path)).text()


def test_amounts_shares_and_times_are_formatted() -> None:
    assert amount(-150, "EUR") == "−€1.50"  # noqa: RUF001 - a minus
    assert amount(0, "USD") == "$0.00"
    assert amount(7, "XXX") == "XXX 7 minor units"
    assert moment_ms(1_800_000_000_999) == "Jan 15, 2027, 08:00:00 UTC"
    assert share(0, 0) == "–"  # noqa: RUF001 - a dash
    assert share(999_999, 1_000_000) == "99%"
    assert share(1, 1_000_000) == "1%"
    assert (share(0, 5), share(5, 5)) == ("0%", "100%")


def test_wait_in_minutes_is_never_too_short() -> None:
    waits = (0, 1, 60, 61, 599, 600)
    assert [whole_minutes(each) for each in waits] == [1, 1, 1, 2, 10, 10]


def test_error_states_a_wait_that_is_long_enough() -> None:
    mails = error_page(TooManyMails(599))
    guesses = redemption_page(TooManyGuesses(599))
    assert guesses is not None
    for page in (mails, guesses):
        assert "try again in 10 minutes" in page.message
