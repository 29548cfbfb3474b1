# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The settings: documented, validated, and rejected with a reason."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from msrv import settings
from msrv.settings import WrongSetting
from msrv.settings.model import SOURCE_URL

OWN = {"MSRV_LIBRARY": "."}
LIVE = "sk_live_0123456789abcdef"
TEST = "rk_test_0123live6789"
DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_document_lists_exactly_the_settings() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(settings.variables())
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    ("name", "field", "shown"),
    [
        ("MSRV_LINK_HOURS", "link_hours", r"`24`"),
        ("MSRV_RESUME_HOURS", "resume_hours", r"`24`"),
        ("MSRV_DRAIN_SECONDS", "drain_seconds", r"`60`"),
        ("MSRV_STALL_SECONDS", "stall_seconds", r"`60`"),
        ("MSRV_MAX_DOWNLOADS", "max_downloads", r"`1000`"),
        ("MSRV_MAX_DOWNLOADS_PER_CLIENT", "max_downloads_per_client", r"`16`"),
        ("MSRV_TLS", "tls", r"`auto`"),
        ("MSRV_CERTS", "certs", r"`certs`"),
        ("MSRV_DATA", "data", r"`data`"),
        ("MSRV_DEMO_PAYMENTS", "demo_payments", r"`false`"),
    ],
)
def test_documented_defaults_are_the_defaults(
    name: str, field: str, shown: str
) -> None:
    row = re.search(
        rf"^\| `{name}` \| ([^|]+) \|",
        DOCUMENT.read_text("utf-8"),
        re.MULTILINE,
    )
    assert row is not None
    value = str(getattr(settings.load({}), field))
    assert row[1] == shown
    assert shown.strip("`") == value.lower()


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"MSRV_PORT": "abc"}, "MSRV_PORT: must be a whole number"),
        (
            {"MSRV_PORT": "70000"},
            "MSRV_PORT: must be less than",
        ),
        ({"MSRV_LINK_HOURS": "0"}, "MSRV_LINK_HOURS: .*greater than"),
        ({"MSRV_DELIVERY": "mail"}, "MSRV_DELIVERY: must be 'direct'"),
        ({"MSRV_DELIVERY": "accel"}, "MSRV_DELIVERY=accel needs MSRV_TRUSTED"),
        ({"MSRV_STALL_SECONDS": "0"}, "MSRV_STALL_SECONDS: .*greater than"),
        ({"MSRV_SMTP_URL": "http://x"}, "MSRV_SMTP_URL: must be an address"),
        ({"MSRV_SMTP_URL": "smtp://"}, "MSRV_SMTP_URL: must be an address"),
        (
            {"MSRV_SMTP_URL": "smtp://u:secret@h:x"},
            "MSRV_SMTP_URL: must be an address",
        ),
        (
            {"MSRV_SMTP_URL": "smtps://relay.example"},
            "MSRV_SMTP_URL needs MSRV_MAIL_FROM",
        ),
        (
            {
                "MSRV_SMTP_URL": "smtps://relay.example",
                "MSRV_MAIL_FROM": "shop@example.org",
            },
            "MSRV_SMTP_URL needs MSRV_PUBLIC_URL",
        ),
        ({"MSRV_MAIL_FROM": "shop"}, "MSRV_MAIL_FROM: must be an address"),
        (
            {"MSRV_MAIL_FROM": "a@b.de\nBcc: c@d.de"},
            "MSRV_MAIL_FROM: must be an address",
        ),
        ({"MSRV_TLS": "on"}, "MSRV_TLS: must be 'auto' or 'off'"),
        (
            {"MSRV_DEMO_PAYMENTS": "si"},
            "MSRV_DEMO_PAYMENTS: must be true or false",
        ),
        ({"MSRV_TRUSTED_PROXIES": "10.0.0.1/8"}, "MSRV_TRUSTED_PROXIES: "),
        (
            {"MSRV_TRUSTED_PROXIES": "edge"},
            "MSRV_TRUSTED_PROXIES: must be .*'edge'",
        ),
        ({"MSRV_PUBLIC_URL": "shop.example"}, "MSRV_PUBLIC_URL: must be an"),
        ({"MSRV_PUBLIC_URL": "https://a/b"}, "MSRV_PUBLIC_URL: .*bare"),
        ({"MSRV_TLS_CERT": "a.crt"}, "MSRV_TLS_CERT and MSRV_TLS_KEY"),
        ({"MSRV_DATABASE": "x"}, "MSRV_DATABASE: must be an address"),
        ({"MSRV_DATABASE": "sqlite://"}, "MSRV_DATABASE: must be an address"),
        (
            {"MSRV_DATABASE": "mysql://h/x", "MSRV_DATABASE_FILE": "/b"},
            "MSRV_DATABASE and MSRV_DATABASE_FILE",
        ),
        (
            {"MSRV_STRIPE_KEY": "pk_test_1"},
            "MSRV_STRIPE_KEY: must be the secret key",
        ),
        ({"MSRV_STRIPE_KEY": "x"}, "MSRV_STRIPE_KEY: must be a key like"),
        ({"MSRV_STRIPE_KEY": " "}, "MSRV_STRIPE_KEY is empty"),
        (
            {"MSRV_STRIPE_KEY": TEST, "MSRV_STRIPE_WEBHOOK_SECRET": "x"},
            "MSRV_STRIPE_WEBHOOK_SECRET: must be a signing secret",
        ),
        (
            {"MSRV_STRIPE_WEBHOOK_SECRET": "whsec_1"},
            "MSRV_STRIPE_WEBHOOK_SECRET needs MSRV_STRIPE_KEY",
        ),
        # Live and test money can't be mixed.
        ({"MSRV_STRIPE_KEY": LIVE}, "MSRV_STRIPE_KEY is a live key, and"),
        (
            {**OWN, "MSRV_STRIPE_KEY": LIVE, "MSRV_DEMO_PAYMENTS": "1"},
            "MSRV_STRIPE_KEY is a live key, and .* remove MSRV_DEMO_PAYM",
        ),
        (
            {
                **OWN,
                "MSRV_STRIPE_KEY": LIVE,
                "MSRV_STRIPE_API": "http://127.0.0.1:1",
            },
            "MSRV_STRIPE_API is for tests, and MSRV_STRIPE_KEY is a live key",
        ),
        ({"NONCE": ""}, "NONCE is empty"),
        ({"NONCE": "a", "NONCE_FILE": "/b"}, "NONCE and NONCE_FILE"),
        ({"NONCE_FILE": "/nowhere"}, "NONCE_FILE: can't read /nowhere: No"),
    ],
)
def test_invalid_setting_is_one_line_with_its_name(
    environ: dict[str, str], line: str
) -> None:
    with pytest.raises(WrongSetting) as caught:
        settings.load(environ=environ)
    assert re.match(line, str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example/", "https://shop.example"),
        (" https://shop.example\n", "https://shop.example"),
        ("https://shop.example.", "https://shop.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("https://shop.example:", "https://shop.example"),
        ("https://192.0.2.1:8443", "https://192.0.2.1:8443"),
        ("https://[2001:DB8::0:1]", "https://[2001:db8::1]"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_public_url_is_normalized_as_in_browsers(
    given: str, used: str
) -> None:
    loaded = settings.load({"MSRV_PUBLIC_URL": given})
    assert loaded.public_url == used


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://my shop.example", "' '"),
        ("https://my\tshop.example", r"'\\t'"),
        ("https://bücher shop.example", "U\\+0020"),
        ("https://my_shop.example", "'_'"),
        ("https://shop..example", "between dots"),
        ("https://.example", "between dots"),
        ("https://-shop.example", "hyphen"),
        ("https://i❤shop.example", "IDNA 2008"),
        ("https://shop.example:99999", "a port from 1 to 65535"),
        ("https://shop.example:0", "a port from 1 to 65535"),
        ("https://shop.example:x", "a port from 1 to 65535"),
        ("https://shop.example:٤٤٣", "a port from 1 to 65535"),
        ("https://user@shop.example", "user name"),
        ("https://shop.example?", "without a path"),
        ("https://shop.example/#", "without a path"),
        ("https://shop.example\\", "without a path"),
        ("https://2001:db8::1", "a host like"),
        ("https://[2001:db8::x]", "IPv6 address"),
        ("https://[fe80::1%eth0]", "IPv6 address|zone"),
        ("https://0.0.0.0:8000", "all addresses of this machine"),
        ("https://[::]", "all addresses of this machine"),
        ("https://127.1", "four parts"),
        ("https://", "a host like"),
        ("https:shop.example", "an address like"),
        ("ftp://shop.example", "an address like"),
    ],
)
def test_unusable_public_url_is_rejected_with_the_reason(
    url: str, reason: str
) -> None:
    with pytest.raises(
        WrongSetting, match=f"MSRV_PUBLIC_URL: must .*{reason}"
    ):
        settings.load({"MSRV_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", SOURCE_URL),
        ("https://example.org/a/fork", "https://example.org/a/fork"),
        (
            "HTTP://Code.Example:80/x?tag=1#top",
            "http://code.example/x?tag=1#top",
        ),
        ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
    ],
)
def test_source_url_is_an_address_of_any_page(given: str, used: str) -> None:
    assert settings.load({"MSRV_SOURCE_URL": given}).source_url == used


@pytest.mark.parametrize(
    "url",
    ["git@example.org:msrv", "ssh://example.org/msrv", "javascript:alert(1)",
     "https://me:secret@example.org/", "https://", "https://example.org/a b",
     "https://example.org/\x00", "/msrv"],
)  # fmt: skip
def test_source_url_that_visitors_cannot_open_is_rejected(url: str) -> None:
    with pytest.raises(
        WrongSetting, match=r"^MSRV_SOURCE_URL: must "
    ) as error:
        settings.load({"MSRV_SOURCE_URL": url})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"MSRV_HOST": "https://0.0.0.0"}, "MSRV_HOST: must be an address of"),
        ({"MSRV_HOST": "0.0.0.0:8000"}, "MSRV_HOST: must be an address of"),
        ({"MSRV_HOST": "10.0.0"}, "MSRV_HOST: must be an address of"),
        (
            {"MSRV_TRUSTED_PROXIES": "10.0.0.1/8"},
            "MSRV_TRUSTED_PROXIES: must be .* did you mean 10.0.0.0/8",
        ),
        (
            {"MSRV_SMTP_URL": "smtp://u:secret@a b.example:587"},
            "MSRV_SMTP_URL: must have a host like",
        ),
        (
            {"MSRV_SMTP_URL": "smtp://u:secret@relay.example:0"},
            "MSRV_SMTP_URL: must have a port from 1 to 65535",
        ),
        (
            {"MSRV_DATABASE": "mysql://u:secret@a..b/name"},
            "MSRV_DATABASE: must have a host like",
        ),
        (
            {"MSRV_DATABASE": "mysql:/u:secret@db/name"},
            "MSRV_DATABASE: must be an address like mysql://",
        ),
        ({"MSRV_DEPLOY_ENGINE": "tcp://x"}, "MSRV_DEPLOY_ENGINE: must be a"),
        (
            {"MSRV_DEPLOY_ENGINE": "http://gate:99999"},
            "MSRV_DEPLOY_ENGINE: must have a port",
        ),
        (
            {"MSRV_ENDED_CAMPAIGNS": "Vinyl!"},
            "MSRV_ENDED_CAMPAIGNS: must be names like",
        ),
    ],
)
def test_unusable_address_is_rejected_with_the_reason(
    environ: dict[str, str], line: str
) -> None:
    with pytest.raises(WrongSetting) as caught:
        settings.load(environ=environ)
    assert re.match(line, str(caught.value))
    assert "secret" not in str(caught.value)


def test_hosts_of_other_servers_are_converted_by_idna_2008() -> None:
    loaded = settings.load(
        {
            "MSRV_SMTP_URL": "smtps://u:p%40@straße.example:465",
            "MSRV_MAIL_FROM": "shop@example.org",
            "MSRV_PUBLIC_URL": "https://shop.example",
            "MSRV_DATABASE": "mysql://u:p@straße.example/name",
        }
    )
    assert loaded.smtp_url is not None
    assert loaded.smtp_url.get_secret_value() == (
        "smtps://u:p%40@xn--strae-oqa.example:465"
    )
    assert loaded.database_url == "mysql://u:p@xn--strae-oqa.example/name"


def test_ipv4_mapped_network_is_the_ipv4_network() -> None:
    loaded = settings.load({"MSRV_TRUSTED_PROXIES": "::ffff:10.0.0.0/104"})
    assert loaded.trusted_proxies == (ip_network("10.0.0.0/8"),)


def test_stripe_keys_are_validated_and_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(LIVE + "\n", encoding="utf-8")
    live = settings.load({**OWN, "MSRV_STRIPE_KEY_FILE": str(file)})
    assert live.stripe_is_live
    assert LIVE not in repr(live)
    test = settings.load({**OWN, "MSRV_STRIPE_KEY": TEST})
    assert not test.stripe_is_live
    assert not settings.load({}).stripe_is_live


def test_trusted_proxies_are_parsed_as_networks() -> None:
    loaded = settings.load({"MSRV_TRUSTED_PROXIES": "10.0.0.0/8, ::1"})
    assert loaded.trusted_proxies == (
        ip_network("10.0.0.0/8"),
        ip_network("::1"),
    )


def test_simulated_payments_are_off_by_default(tmp_path: Path) -> None:
    own = {"MSRV_LIBRARY": str(tmp_path)}
    assert not settings.load(own).takes_simulated_payments
    assert settings.load(
        own | {"MSRV_DEMO_PAYMENTS": "1"}
    ).takes_simulated_payments
    assert settings.load({}).takes_simulated_payments
