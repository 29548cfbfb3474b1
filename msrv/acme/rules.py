# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rules of the certificate: its names, its authority, and how to prove them.

A module of its own, because the request, its timing and the pages need it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from msrv.acme.state import request_id
from msrv.settings import Settings

Challenge = Literal["http-01", "tls-alpn-01"]


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """Names of a certificate, its authority, and how to prove the names.

    `external_account` is a key identifier and a MAC key; `challenges` are
    tried in this order.
    """

    names: tuple[str, ...]
    directory: str
    email: str | None = None
    external_account: tuple[str, str] | None = field(default=None, repr=False)
    ca: Path | None = None
    challenges: tuple[Challenge, ...] = ("http-01", "tls-alpn-01")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the rules of settings that have MSRV_DOMAIN."""
        kid, key = settings.acme_eab_kid, settings.acme_eab_key
        challenges: dict[str, tuple[Challenge, ...]] = {
            "auto": ("http-01", "tls-alpn-01"),
            "http": ("http-01",),
            "tls": ("tls-alpn-01",),
        }
        return cls(
            settings.domain,
            settings.acme_directory,
            settings.acme_email,
            (kid, key.get_secret_value()) if kid and key else None,
            settings.acme_ca,
            challenges[settings.acme_challenge],
        )

    @property
    def order_id(self) -> str:
        """Identifier of orders that may be continued."""
        return request_id(self.directory, self.names)

    @property
    def request_id(self) -> str:
        """Identifier of requests that fail for the same reason."""
        return request_id(
            self.directory,
            self.names,
            self.email,
            self.external_account and self.external_account[0],
            str(self.ca),
            self.challenges,
        )
