"""What a setting may be: a type for each kind, and what it refuses."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from msrv.proofs.campaigns import is_campaign

_DATABASES: Final = {
    "sqlite": ("", "aiosqlite"),
    "mysql": ("", "aiomysql"),
    "mariadb": ("", "aiomysql"),
}
_NO_DATABASE: Final = "must be an address like mysql://user:password@host/name"

_STRIPE_KEY: Final = re.compile(r"[sr]k_(live|test)_[A-Za-z0-9_]+")
_NO_RELAY: Final = "must be an address like smtps://user:password@host:465"
_SENDER: Final = re.compile(
    r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+"
)


def _networks(value: object) -> object:
    """Split `10.0.0.0/8, ::1` at commas and spaces."""
    if not isinstance(value, str):
        return value
    parts = value.replace(",", " ").split()
    return tuple(ip_network(part) for part in parts)


def _campaigns(value: object) -> object:
    """Split `vinyl-2026, tape` at commas and spaces."""
    if not isinstance(value, str):
        return value
    names = tuple(value.replace(",", " ").split())
    for name in names:
        if not is_campaign(name):
            raise ValueError(f"{name!r} is no campaign like 'vinyl-2026'")
    return names


def _public_url(value: str) -> str:
    """Take an origin, without a path: `https://shop.example`."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address like https://shop.example")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be a bare address, without a path")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _database(value: SecretStr) -> SecretStr:
    """Take `mysql://user:password@host/name` or `sqlite:///file`."""
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError(_NO_DATABASE) from None
    kind, _, driver = parts.scheme.partition("+")
    drivers = _DATABASES.get(kind, ())
    if driver not in drivers or len(parts.path) < 2:
        raise ValueError(_NO_DATABASE)
    return value


def _stripe_key(value: SecretStr) -> SecretStr:
    """Take a secret or a restricted key, of live or of test mode."""
    text = value.get_secret_value()
    if text.startswith("pk_"):
        raise ValueError("is the publishable key: the secret one is needed")
    if not _STRIPE_KEY.fullmatch(text):
        raise ValueError("must be a key like sk_live_… or rk_test_…")
    return value


def _stripe_webhook_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("whsec_"):
        raise ValueError("must be a signing secret like whsec_…")
    return value


def _smtp(value: SecretStr) -> SecretStr:
    """Take `smtps://user:password@host:465` or `smtp://host:587`."""
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port
    except ValueError:
        raise ValueError(_NO_RELAY) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError(_NO_RELAY)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(_NO_RELAY)
    return value


def _mail_from(value: str) -> str:
    """Take `shop@example.org` or `Name <shop@example.org>`."""
    if not _SENDER.fullmatch(value.strip()) or not value.isprintable():
        raise ValueError("must be an address like shop@example.org")
    return value.strip()


Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
HomePath = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path, in which `~` is the home folder: not every shell sees to that."""
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Port = Annotated[int, Field(ge=0, le=65535)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
StripeKey = Annotated[SecretStr, AfterValidator(_stripe_key)]
StripeWebhookSecret = Annotated[
    SecretStr, AfterValidator(_stripe_webhook_secret)
]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp)]
Sender = Annotated[str, AfterValidator(_mail_from)]
Campaigns = Annotated[tuple[str, ...], BeforeValidator(_campaigns)]
EngineUrl = Annotated[str, Field(pattern=r"^(unix:///|http://)\S+$")]
