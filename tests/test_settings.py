"""The settings: what is read, what is refused, and that all is documented."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from msrv import settings
from msrv.settings import WrongSetting

OWN = {"MSRV_LIBRARY": "."}
LIVE = "sk_live_0123456789abcdef"
TEST = "rk_test_0123live6789"
DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"


def test_every_setting_is_documented_and_nothing_else() -> None:
    """An operator reads of a setting that isn't there, or never of one."""
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
def test_defaults_are_as_documented(name: str, field: str, shown: str) -> None:
    """The document promises another default than the program has."""
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
        ({"MSRV_PORT": "abc"}, "MSRV_PORT: input should be a valid integer"),
        ({"MSRV_PORT": "70000"}, "MSRV_PORT: .*less than or equal to 65535"),
        ({"MSRV_LINK_HOURS": "0"}, "MSRV_LINK_HOURS: .*greater than"),
        ({"MSRV_DELIVERY": "mail"}, "MSRV_DELIVERY: input should be 'direct'"),
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
        ({"MSRV_TLS": "on"}, "MSRV_TLS: input should be 'auto' or 'off'"),
        ({"MSRV_DEMO_PAYMENTS": "si"}, "MSRV_DEMO_PAYMENTS: .*boolean"),
        ({"MSRV_TRUSTED_PROXIES": "10.0.0.1/8"}, "MSRV_TRUSTED_PROXIES: "),
        ({"MSRV_TRUSTED_PROXIES": "edge"}, "MSRV_TRUSTED_PROXIES: 'edge'"),
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
            "MSRV_STRIPE_KEY: is the publishable key",
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
            "MSRV_STRIPE_KEY is a live key, and .* leave out MSRV_DEMO_PAYM",
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
def test_a_wrong_setting_is_one_line_that_names_it(
    environ: dict[str, str], line: str
) -> None:
    """An operator at night reads a traceback, or doesn't learn which one."""
    with pytest.raises(WrongSetting) as caught:
        settings.load(environ=environ)
    assert re.match(line, str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    """A secret with a stray byte ends up in the log."""
    file = tmp_path / "nonce"
    file.write_bytes(b"hunter2\xff")
    with pytest.raises(WrongSetting) as caught:
        settings.load({"NONCE_FILE": str(file)})
    assert "hunter2" not in str(caught.value)
    loaded = settings.load({"NONCE": "hunter2"})
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.model_dump())


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p%40ss@db/msrv",
        "mysql+aiomysql://u:p@db:3307/msrv",
        "mariadb://db/msrv?unix_socket=/run/mysqld/mysqld.sock",
        "sqlite:////var/lib/msrv/ledger",
    ],
)
def test_a_database_is_a_secret(tmp_path: Path, url: str) -> None:
    """A password of the database ends up in a log, or can't be mounted."""
    file = tmp_path / "url"
    file.write_text(url + "\n", encoding="utf-8")
    loaded = settings.load({"MSRV_DATABASE_FILE": str(file)})
    assert loaded.database_url == url
    assert url not in repr(loaded)
    assert settings.load({}).database_url is None


def test_keys_of_stripe(tmp_path: Path) -> None:
    """A key with `live` in its middle takes real money, or ends in a log."""
    file = tmp_path / "key"
    file.write_text(LIVE + "\n", encoding="utf-8")
    live = settings.load({**OWN, "MSRV_STRIPE_KEY_FILE": str(file)})
    assert live.stripe_is_live
    assert LIVE not in repr(live)
    test = settings.load({**OWN, "MSRV_STRIPE_KEY": TEST})
    assert not test.stripe_is_live
    assert not settings.load({}).stripe_is_live


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    """A mounted secret, which ends with a line feed, is another secret."""
    file = tmp_path / "nonce"
    file.write_text("the secret\n", encoding="utf-8")
    loaded = settings.load({"NONCE_FILE": str(file)})
    assert loaded.nonce
    assert loaded.nonce.get_secret_value() == "the secret"


def test_a_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run LIBRARY=~/Music` sells nothing from a shell like zsh."""
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = settings.load({"MSRV_LIBRARY": "~", "MSRV_DATA": "~/data"})
    assert loaded.library_folder == tmp_path
    assert loaded.data == tmp_path / "data"


def test_options_go_before_the_environment() -> None:
    """`--port` is ignored wherever MSRV_PORT is set."""
    loaded = settings.load({"MSRV_PORT": "1", "MSRV_TLS": "off"}, port=2)
    assert loaded.listening_port == 2
    assert settings.load({"MSRV_TLS": "off"}).listening_port == 8000
    assert settings.load({}).listening_port == 8443


def test_only_the_given_environment_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test, or a caller, gets the settings of another shop."""
    monkeypatch.setenv("MSRV_PORT", "1")
    assert settings.load({}).port is None


def test_trusted_proxies_are_networks() -> None:
    """A list as people write it is not understood."""
    loaded = settings.load({"MSRV_TRUSTED_PROXIES": "10.0.0.0/8, ::1"})
    assert loaded.trusted_proxies == (
        ip_network("10.0.0.0/8"),
        ip_network("::1"),
    )


def test_an_unknown_variable_is_pointed_out() -> None:
    """A misspelt setting is silently without effect."""
    lines = settings.unknown({"MSRV_LINK_HOUR": "2", "PATH": "", "NONCE": ""})
    assert lines == [
        (
            "MSRV_LINK_HOUR is not a setting of this version; "
            "is it MSRV_LINK_HOURS?"
        )
    ]


def test_pretend_money_needs_to_be_asked_for(tmp_path: Path) -> None:
    """A real store gives its files away for pretend payments."""
    own = {"MSRV_LIBRARY": str(tmp_path)}
    assert not settings.load(own).takes_pretend_money
    assert settings.load(own | {"MSRV_DEMO_PAYMENTS": "1"}).takes_pretend_money
    assert settings.load({}).takes_pretend_money
