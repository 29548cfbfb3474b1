# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health probe: `python -m msrv healthcheck`.

A container engine runs it every few seconds, so it imports next to nothing of
this package and reads its few settings by itself, by the rules of
docs/settings.md.
"""

import json
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from msrv.display_text import reason_of
from msrv.server import env_file

TIMEOUT_SECONDS: Final = 3
READY: Final = "--ready"

_ANY_ADDRESS: Final = {
    "": "127.0.0.1",
    "0.0.0.0": "127.0.0.1",  # noqa: S104 - compared, not bound
    "::": "::1",
}


def main(arguments: Sequence[str]) -> int:
    """Print the store's status; return 0 if it is healthy, else 1.

    Probes whether the process responds, or with `--ready` whether it can sell.
    """
    path = "/-/ready" if READY in arguments else "/-/health"
    try:
        env_file.load_default(Path(), os.environ)
        healthy, message = probe(os.environ, path)
    except env_file.InvalidEnvFile as error:
        healthy, message = False, str(error)
    print(message, file=sys.stdout if healthy else sys.stderr)
    return 0 if healthy else 1


def probe(environ: Mapping[str, str], path: str) -> tuple[bool, str]:
    """Probe the store of these settings: whether it is healthy, and a message.

    The certificate isn't verified: this is the same machine, and the
    certificate names the store, not the loopback address.
    """
    secure = environ.get("MSRV_TLS") != "off"
    host = environ.get("MSRV_HOST", "")
    host = _ANY_ADDRESS.get(host, host)
    default = "8443" if secure else "8000"
    if environ.get("MSRV_DOMAIN"):
        default = "443"
    port = environ.get("MSRV_PORT") or default
    if not port.isdecimal():
        return False, f"MSRV_PORT: {port!r} is not a port number"
    connection = _connection(host, int(port), secure=secure)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        status = str(json.loads(response.read(1024))["status"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        # Another program may have sent anything, in many lines.
        return False, f"the store on {host} port {port}: {reason_of(error)}"
    finally:
        connection.close()
    message = f"the store on {host} port {port}: {status}"
    return response.status == 200, message


def _connection(host: str, port: int, *, secure: bool) -> HTTPConnection:
    if not secure:
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(
        host, port, timeout=TIMEOUT_SECONDS, context=context
    )
