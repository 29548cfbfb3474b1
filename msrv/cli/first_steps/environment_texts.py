# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts of `msrv.env` and `compose.yaml` for a new store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from msrv.server import env_file

Payments = Literal["free", "stripe", "simulated"]
LOCAL_PORT: Final = 8000
"""Port of a container's plain HTTP on the machine itself."""

_PAYMENT_LINES: Final[Mapping[Payments, tuple[str, ...]]] = {
    "free": (
        "# Only what costs nothing can be had, until there is a Stripe key;",
        "# docs/payments.md leads to one.",
    ),
    "stripe": ("# From Stripe's dashboard; docs/payments.md leads there.",),
    "simulated": (
        "# Simulated payments: everybody gets everything. Remove this line",
        "# before you sell.",
    ),
}
_KEYS: Final = (
    ("MSRV_STRIPE_KEY", "rk_live_..."),
    ("MSRV_STRIPE_WEBHOOK_SECRET", "whsec_..."),
)
_MAIL: Final = (
    ("MSRV_SMTP_URL", "smtps://user:password@mail.example:465"),
    ("MSRV_MAIL_FROM", "shop@example.org"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """Address of a store for its visitors.

    `domain` is a name for which the store gets certificates itself; `url` is
    the address of a proxy in front. Without either, only this machine
    reaches the store.
    """

    domain: str = ""
    url: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a store with this address."""
        if self.domain:
            return {"MSRV_DOMAIN": self.domain}
        return {"MSRV_PUBLIC_URL": self.url} if self.url else {}


def env_text(
    address: StoreAddress, library: Path, folder: Path, payments: Payments
) -> str:
    """Return the text of `msrv.env`, for a store in `folder`.

    Raises UnwritableValue for a path that can't be written.
    """
    settings = {
        "MSRV_LIBRARY": str(library),
        "MSRV_DATA": str(folder / "data"),
        "MSRV_CERTS": str(folder / "certs"),
        **address.settings,
    }
    if address.url:
        # The proxy has the certificate, and forwards visitors' addresses.
        settings["MSRV_TLS"] = "off"
        settings["MSRV_TRUSTED_PROXIES"] = "127.0.0.1,::1"
    lines = [
        "# The store's settings: docs/settings.md. `msrv` reads this file in",
        "# the working folder, or with --env-file. It may contain secrets.",
        *(env_file.format_line(*each) for each in settings.items()),
        "",
        *_PAYMENT_LINES[payments],
    ]
    if payments == "simulated":
        lines.append("MSRV_DEMO_PAYMENTS=1")
    lines += [f"# {name}={value}" for name, value in _KEYS]
    lines += ["", "# Receipts by mail: docs/mail.md."]
    lines += [f"# {name}={value}" for name, value in _MAIL]
    return "\n".join(lines) + "\n"


def compose_text(
    address: StoreAddress, library: Path, folder: Path, payments: Payments
) -> str:
    """Return the text of a `compose.yaml` in `folder`.

    It needs no other file. A library in the same folder has a relative path,
    so that the folder can be moved, or be set up from within a container.
    """
    source = str(library)
    if library.is_relative_to(folder):
        source = f"./{library.relative_to(folder).as_posix()}"
    settings = {"MSRV_LIBRARY": "/library", **address.settings}
    ports = [f"127.0.0.1:{LOCAL_PORT}:{LOCAL_PORT}"]
    if address.domain:
        ports = ["80:80", "443:443"]
    elif address.url:
        # From the engine's networks come the visitors of the proxy alone.
        settings["MSRV_TRUSTED_PROXIES"] = "172.16.0.0/12"
    if payments == "simulated":
        settings["MSRV_DEMO_PAYMENTS"] = "1"
    lines = [
        "# The store in one container: docker compose up --detach --wait",
        "services:",
        "  store:",
        "    image: ${MSRV_IMAGE:-msrv:latest}",
        "    restart: unless-stopped",
        "    init: true",
        "    read_only: true",
        "    cap_drop: [ALL]",
        '    security_opt: ["no-new-privileges:true"]',
        f"    ports: {json.dumps(ports)}",
        "    environment:",
        "      # The settings: docs/settings.md.",
        *(f"      {key}: {_yaml(text)}" for key, text in settings.items()),
        *(f"      {line}" for line in _PAYMENT_LINES[payments]),
        *(f"      # {key}: {json.dumps(text)}" for key, text in _KEYS),
        "    volumes:",
        "      - type: bind",
        f"        source: {_yaml(source)}",
        "        target: /library",
        "        read_only: true",
        "      # Also holds the file `nonce`, without which no receipt works:",
        "      # docker compose exec store cat /data/nonce",
        "      - data:/data",
        "    tmpfs:",
        "      - /tmp:size=256m,mode=1777",
        "    stop_grace_period: 75s",
        "volumes:",
        "  data:",
    ]
    return "\n".join(lines) + "\n"


def _yaml(text: str) -> str:
    """Return a text in double quotes, without Compose's interpolation."""
    return json.dumps(text, ensure_ascii=False).replace("$", "$$")
