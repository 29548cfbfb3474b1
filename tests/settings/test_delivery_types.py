# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MSRV_WEBHOOKS, MSRV_NEWSLETTER and MSRV_NOTIFY, right and wrong."""

import base64

import pytest

from msrv.ledger.db.feed.outgoing_events import EventKind
from msrv.settings import WrongSetting, load
from msrv.settings.delivery_types import WEBHOOK_EVENTS
from msrv.settings.newsletter_types import ListmonkLists, SealedFile

SECRET = "whsec_" + base64.b64encode(b"a" * 24).decode()
LIST = "0a1b2c3d-0000-4000-8000-123456789abc"
MAIL = {
    "MSRV_SMTP_URL": "smtp://localhost:25",
    "MSRV_MAIL_FROM": "shop@example.org",
    "MSRV_PUBLIC_URL": "https://shop.example",
}


def test_events_are_those_of_the_feed() -> None:
    assert set(WEBHOOK_EVENTS) == {each.value for each in EventKind}


def test_endpoints_are_lines_or_between_semicolons() -> None:
    text = (
        f"# ours\nhttps://BÜCHER.example:8443/a?b=c {SECRET}\n"
        f"https://[2606:4700::1111]/x {SECRET},{SECRET[:-4]}YmJi order.paid;"
        f"http://10.0.0.5/y {SECRET}"
    )
    found = load(
        {"MSRV_WEBHOOKS": text, "MSRV_PRIVATE_HOSTS": "10.0.0.5, Hook.local"}
    ).webhook_endpoints
    assert [each.url for each in found] == [
        "https://xn--bcher-kva.example:8443/a?b=c",
        "https://[2606:4700::1111]/x",
        "http://10.0.0.5/y",
    ]
    assert found[0].events == WEBHOOK_EVENTS
    assert found[1].events == ("order.paid",)
    assert len(found[1].secrets) == 2
    assert "aaaa" not in repr(found)


def test_comment_lasts_to_the_end_of_its_line() -> None:
    text = (
        f"https://a.example/ {SECRET}\n"
        f"  # tests; https://b.example/ {SECRET}; off for now\n"
        f"https://c.example/ {SECRET}"
    )
    found = load({"MSRV_WEBHOOKS": text}).webhook_endpoints
    assert [each.url for each in found] == [
        "https://a.example/",
        "https://c.example/",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://a.example/hook", "must have lines like"),
        (f"https://a.example/hook {SECRET} x y", "must have lines like"),
        (f"http://a.example/hook {SECRET}", "MSRV_PRIVATE_HOSTS"),
        (f"ftp://a.example/hook {SECRET}", "must have URLs like"),
        (f"https:///hook {SECRET}", "must have URLs like"),
        (f"https://a.example:99999/ {SECRET}", "must have URLs like"),
        (f"https://u:p@a.example/ {SECRET}", "without a user name"),
        (f"https://a.example/ {SECRET} order.sold", "not 'order.sold'"),
        (f"https://a.example/ {SECRET} {SECRET}", "comma without a space"),
        (f"https://a.example/ {SECRET}, {SECRET}", "comma without a space"),
        (f"https://a.example/ {SECRET} ,{SECRET}", "comma without a space"),
        (f"https://a.example/ {SECRET} {SECRET[6:]}", "order.refunded, "),
        ("https://a.example/ whsec_c2hvcnQ=", "24 to 64 bytes"),
        ("https://a.example/ whsec_!", "24 to 64 bytes"),
        (f"https://a.example/ {SECRET[6:]}", "24 to 64 bytes"),
        (f"https://a.example/ {SECRET};" * 2, "a URL twice"),
        ("".join(f"https://a.example/{n} {SECRET};" for n in range(21)), "20"),
    ],
)
def test_wrong_endpoint_is_named_without_its_secret(
    text: str, message: str
) -> None:
    with pytest.raises(WrongSetting, match=message) as error:
        load({"MSRV_WEBHOOKS": text})
    assert str(error.value).startswith("MSRV_WEBHOOKS must ")
    assert "YWFh" not in str(error.value)


def test_newsletter_has_three_forms() -> None:
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    for text, expected in (
        (
            f"listmonk https://l.example/ {LIST},{LIST.upper()}",
            ListmonkLists("https://l.example", (LIST, LIST)),
        ),
        (key, SealedFile(key)),
    ):
        found = load({**MAIL, "MSRV_NEWSLETTER": text})
        assert found.newsletter_target == expected
    for wrong in (
        "listmonk https://l.example 7",
        "mailchimp https://l.example x",
        f"webhook http://l.example/ {SECRET}",
        "age1short",
        "https://l.example",
    ):
        with pytest.raises(WrongSetting, match="MSRV_NEWSLETTER must"):
            load({**MAIL, "MSRV_NEWSLETTER": wrong})
    with pytest.raises(WrongSetting, match="needs MSRV_SMTP_URL"):
        load({"MSRV_NEWSLETTER": key})


def test_seller_is_told_about_what_is_named() -> None:
    found = load(
        {
            **MAIL,
            "MSRV_NOTIFY": "a@example.org, b@example.org a@example.org",
            "MSRV_NOTIFY_ABOUT": "weekly sales",
        }
    )
    assert found.notify == ("a@example.org", "b@example.org")
    assert found.notify_about == ("sales", "weekly")
    for name, text, message in (
        ("MSRV_NOTIFY", "a.example.org", "must be an address"),
        ("MSRV_NOTIFY_ABOUT", "sales, tea", "not 'tea'"),
        ("MSRV_NOTIFY_PER_HOUR", "0", "MSRV_NOTIFY_PER_HOUR"),
        ("MSRV_PRIVATE_HOSTS", "a b_c", "must be hosts"),
    ):
        with pytest.raises(WrongSetting, match=message):
            load({**MAIL, "MSRV_NOTIFY": "a@example.org", name: text})
    with pytest.raises(WrongSetting, match="needs MSRV_SMTP_URL"):
        load({"MSRV_NOTIFY": "a@example.org"})
