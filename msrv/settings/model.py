# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""All settings as one frozen value, and the rules across them."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from msrv.settings.cdn_types import CdnAddress, check_cdn
from msrv.settings.delivery_types import (
    Delivery,
    Hosts,
    Mailboxes,
    NotifyTopic,
    NotifyTopics,
    OutgoingEndpoint,
    check_delivery,
    parse_webhooks,
)
from msrv.settings.domain_types import (
    LETS_ENCRYPT,
    AcmeDirectory,
    AcmeEmail,
    AcmeKey,
    Domains,
)
from msrv.settings.field_types import (
    AddressIndexKey,
    Campaigns,
    DatabaseUrl,
    EngineUrl,
    HomePath,
    ListeningHost,
    Networks,
    Port,
    PublicUrl,
    Sender,
    SmtpUrl,
    SourceUrl,
    StripeKey,
    StripeWebhookSecret,
    bucket_url,
    check_pair,
)
from msrv.settings.newsletter_types import (
    NewsletterTarget,
    parse_newsletter,
)

DEMO_LIBRARY: Final = Path(__file__).parents[1] / "demo"
SOURCE_URL: Final = "https://example.org/msrv"
"""The address of this project."""


def _url_of_domain(valid: dict[str, Any]) -> str | None:
    """Return the default of MSRV_PUBLIC_URL, from MSRV_DOMAIN."""
    names = valid.get("domain", ())
    return f"https://{names[0]}" if names else None


class Settings(BaseModel):
    """The settings of an operator, with their defaults."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True
    )

    nonce: SecretStr | None = None
    nonce_previous: SecretStr | None = None
    allow_weak_nonce: bool = False
    library: HomePath | None = None
    data: HomePath = Path("data")
    backups: HomePath = Path("backups")
    backup_recipient: str | None = None
    encodings: HomePath | None = None
    encode_jobs: Annotated[int, Field(ge=0, le=64)] = 1
    settle_seconds: Annotated[int, Field(ge=0, le=24 * 3600)] = 10
    database: DatabaseUrl | None = None
    database_read: DatabaseUrl | None = None
    database_ca: HomePath | None = None
    database_private_networks: Networks = ()
    smtp_url: SmtpUrl | None = None
    mail_from: Sender | None = None
    address_index_key: AddressIndexKey | None = None
    notify: Mailboxes = ()
    notify_about: NotifyTopics = tuple(NotifyTopic)
    notify_per_hour: Annotated[int, Field(ge=1, le=60)] = 12
    webhooks: SecretStr | None = None
    newsletter: SecretStr | None = None
    private_hosts: Hosts = ()
    certs: HomePath = Path("certs")
    host: ListeningHost | None = None
    port: Port | None = None
    http_port: Port | None = None
    tls: Literal["auto", "off"] = "auto"
    tls_cert: HomePath | None = None
    tls_key: HomePath | None = None
    hsts_subdomains: bool = False
    domain: Domains = ()
    acme_directory: AcmeDirectory = LETS_ENCRYPT
    acme_email: AcmeEmail | None = None
    acme_eab_kid: str | None = None
    acme_eab_key: AcmeKey | None = None
    acme_ca: HomePath | None = None
    acme_challenge: Literal["auto", "http", "tls"] = "auto"
    public_url: PublicUrl | None = Field(default_factory=_url_of_domain)
    link_hours: Annotated[int, Field(ge=1, le=24 * 366)] = 24
    resume_hours: Annotated[int, Field(ge=0, le=24 * 366)] = 24
    demo_payments: bool = False
    source_url: SourceUrl = SOURCE_URL
    stripe_key: StripeKey | None = None
    stripe_webhook_secret: StripeWebhookSecret | None = None
    stripe_tax: bool = False
    stripe_api: PublicUrl | None = None
    delivery: Delivery = "direct"
    cdn: CdnAddress | None = None
    cdn_key: SecretStr | None = None
    trusted_proxies: Networks = ()
    log_addresses: Literal["full", "network", "none"] = "full"
    drain_seconds: Annotated[int, Field(ge=0, le=24 * 3600)] = 60
    stall_seconds: Annotated[int, Field(ge=1, le=24 * 3600)] = 60
    max_downloads: Annotated[int, Field(ge=1)] = 1000
    max_downloads_per_client: Annotated[int, Field(ge=1)] = 16
    max_connections: Annotated[int, Field(ge=16)] = 2048
    max_connections_per_client: Annotated[int, Field(ge=1)] | None = None
    slow_bytes_per_second: Annotated[int, Field(ge=0)] = 2000
    slow_seconds: Annotated[int, Field(ge=1, le=24 * 3600)] = 120
    ended_campaigns: Campaigns = ()
    deploy_config: HomePath | None = None
    deploy_engine: EngineUrl = "unix:///var/run/docker.sock"

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        check_pair("TLS_CERT", self.tls_cert, "TLS_KEY", self.tls_key)
        if self.database_read is not None and self.database is None:
            raise ValueError("MSRV_DATABASE_READ needs MSRV_DATABASE as well")
        check_delivery(self.delivery, self.bucket, self.trusted_proxies)
        check_cdn(self.delivery, self.cdn, self.cdn_key)
        return self

    @model_validator(mode="after")
    def _domain_needs(self) -> Self:
        """Raise ValueError for settings that contradict MSRV_DOMAIN."""
        kid, key = self.acme_eab_kid, self.acme_eab_key
        check_pair("ACME_EAB_KID", kid, "ACME_EAB_KEY", key)
        if not self.domain:
            return self._http_needs()
        if not self.terminates_tls:
            raise ValueError(
                "MSRV_DOMAIN and MSRV_TLS=off exclude each other: behind a "
                "proxy that has the certificate, set MSRV_PUBLIC_URL instead "
                "of MSRV_DOMAIN"
            )
        if self.tls_cert is not None:
            raise ValueError(
                "MSRV_DOMAIN and MSRV_TLS_CERT exclude each other: with your "
                "own certificate, set MSRV_PUBLIC_URL instead of MSRV_DOMAIN"
            )
        parts = urlsplit(self.public_url or "")
        if parts.scheme != "https" or parts.hostname != self.domain[0]:
            raise ValueError(
                f"MSRV_PUBLIC_URL must be https://{self.domain[0]}, the first "
                "name of MSRV_DOMAIN: remove one of the two settings"
            )
        if self.redirecting_port == self.listening_port != 0:
            raise ValueError(
                "MSRV_HTTP_PORT and MSRV_PORT must be different ports"
            )
        return self

    def _http_needs(self) -> Self:
        """Raise ValueError if there is nothing to redirect plain HTTP to."""
        url = self.public_url or ""
        if self.http_port is not None and not (
            self.terminates_tls and url.startswith("https:")
        ):
            raise ValueError(
                "MSRV_HTTP_PORT needs HTTPS to redirect to: set MSRV_DOMAIN, "
                "or MSRV_PUBLIC_URL to an address with https://"
            )
        return self

    @model_validator(mode="after")
    def _mail_needs(self) -> Self:
        """Raise ValueError if mail has no sender or no base for its links."""
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError(
                "MSRV_SMTP_URL needs MSRV_MAIL_FROM: the sender of the mails"
            )
        if self.smtp_url is not None and self.public_url is None:
            raise ValueError(
                "MSRV_SMTP_URL needs MSRV_PUBLIC_URL: the address for links "
                "in the mails"
            )
        if self.notify and self.smtp_url is None:
            raise ValueError(
                "MSRV_NOTIFY needs MSRV_SMTP_URL: the server for its mails"
            )
        return self

    @model_validator(mode="after")
    def _check_webhooks(self) -> Self:
        """Raise ValueError for endpoints that can't be used."""
        try:
            _ = self.webhook_endpoints
        except ValueError as error:
            raise ValueError(f"MSRV_WEBHOOKS {error}") from None
        try:
            target = self.newsletter_target
        except ValueError as error:
            raise ValueError(f"MSRV_NEWSLETTER {error}") from None
        if target is not None and self.smtp_url is None:
            raise ValueError(
                "MSRV_NEWSLETTER needs MSRV_SMTP_URL: without mail, the "
                "checkout doesn't ask for an address"
            )
        return self

    @model_validator(mode="after")
    def _one_kind_of_money(self) -> Self:
        """Raise ValueError if real and simulated payments would be mixed."""
        if self.stripe_key is None and self.stripe_webhook_secret is not None:
            raise ValueError(
                "MSRV_STRIPE_WEBHOOK_SECRET needs MSRV_STRIPE_KEY: set both"
            )
        if not self.stripe_is_live:
            return self
        if self.stripe_api is not None:
            raise ValueError(
                "MSRV_STRIPE_API is for tests, and MSRV_STRIPE_KEY is a live "
                "key: remove one of them"
            )
        if self.takes_simulated_payments:
            raise ValueError(
                "MSRV_STRIPE_KEY is a live key, and this store accepts "
                "simulated payments: set MSRV_LIBRARY, and remove "
                "MSRV_DEMO_PAYMENTS"
            )
        return self

    @property
    def stripe_is_live(self) -> bool:
        """True if Stripe's key is a live one, for real money."""
        key = self.stripe_key
        return key is not None and "live" in key.get_secret_value()[:8]

    @property
    def accepts_simulated_payments(self) -> bool:
        """True if orders paid by simulated or test payments are valid."""
        is_test = self.stripe_key is not None and not self.stripe_is_live
        return self.takes_simulated_payments or is_test

    @property
    def webhook_endpoints(self) -> tuple[OutgoingEndpoint, ...]:
        """Receivers of webhooks; none by default."""
        if self.webhooks is None:
            return ()
        return parse_webhooks(
            self.webhooks.get_secret_value(), self.private_hosts
        )

    @property
    def newsletter_target(self) -> NewsletterTarget | None:
        """Receiver of addresses for the newsletter, None without one."""
        if self.newsletter is None:
            return None
        return parse_newsletter(
            self.newsletter.get_secret_value(), self.private_hosts
        )

    @property
    def database_url(self) -> str | None:
        """URL of the ledger's database, None for a file in the data folder."""
        return self.database.get_secret_value() if self.database else None

    @property
    def is_demo(self) -> bool:
        """True if the library is the bundled one."""
        return self.library is None

    @property
    def library_folder(self) -> Path:
        """Folder of the library, or of a bucket's last good catalog."""
        published = self.data / "published" if self.bucket else None
        return published or self.library or DEMO_LIBRARY

    @property
    def bucket(self) -> str | None:
        """Address of the bucket that has the library, None for a folder."""
        return bucket_url(self.library)

    @property
    def terminates_tls(self) -> bool:
        """True if this process serves HTTPS itself."""
        return self.tls == "auto"

    @property
    def has_operators_certificate(self) -> bool:
        """True if HTTPS uses a certificate for the operator's domain."""
        has_names = self.tls_cert is not None or bool(self.domain)
        return self.terminates_tls and has_names

    @property
    def encodings_folder(self) -> Path:
        """Folder of encodings, by default in the data folder."""
        return self.encodings or self.data / "encodings"

    @property
    def listening_port(self) -> int:
        """Port to listen on.

        By default 443 with MSRV_DOMAIN, else 8443 with TLS and 8000 without.
        """
        if self.port is not None:
            return self.port
        if self.domain:
            return 443
        return 8443 if self.terminates_tls else 8000

    @property
    def redirecting_port(self) -> int | None:
        """Port of plain HTTP that redirects to HTTPS; None without one.

        By default 80 with MSRV_DOMAIN, unless only TLS is for challenges.
        """
        if self.http_port is not None:
            return self.http_port
        return 80 if self.domain and self.acme_challenge != "tls" else None

    @property
    def connections_per_client(self) -> int:
        """Maximum number of connections of one client.

        By default twice its maximum of downloads, and 32 more: a browser
        opens several connections.
        """
        if self.max_connections_per_client is not None:
            return self.max_connections_per_client
        return max(64, 2 * self.max_downloads_per_client + 32)

    @property
    def takes_simulated_payments(self) -> bool:
        """True if the `demo` payment provider may be offered."""
        return self.demo_payments or self.is_demo
