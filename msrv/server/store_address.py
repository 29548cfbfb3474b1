# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Address of the store, as its visitors write it.

Apart from `server`: commands print it, and shouldn't import the server.
"""

from msrv.settings import Settings


def store_url(settings: Settings, port: int | None = None) -> str:
    """Return the store's URL for visitors; `port` is the one it listens on."""
    if settings.public_url is not None:
        return settings.public_url
    scheme = "https" if settings.terminates_tls else "http"
    host = settings.host or "localhost"
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{port or settings.listening_port}"
