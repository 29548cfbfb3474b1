"""`python -m msrv healthcheck`: ask the store on this machine how it is.

A container engine asks every few seconds, so this starts without the store's
own rooms: it imports nothing of ours and reads three settings by itself, by
the rules of docs/settings.md.
"""

import json
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

TIMEOUT_SECONDS: Final = 3
READY: Final = "--ready"

_ANY_ADDRESS: Final = {
    "": "127.0.0.1",
    "0.0.0.0": "127.0.0.1",  # noqa: S104 - compared, not bound
    "::": "::1",
}


def main(arguments: Sequence[str]) -> int:
    """Print one sentence; 0 where all is well, else 1.

    Asks whether the process answers, or with `--ready` whether it can sell.
    """
    path = "/-/ready" if READY in arguments else "/-/health"
    healthy, sentence = ask(os.environ, path)
    print(sentence, file=sys.stdout if healthy else sys.stderr)
    return 0 if healthy else 1


def ask(environ: Mapping[str, str], path: str) -> tuple[bool, str]:
    """Ask the store that these settings describe: whether it is well.

    The certificate is not looked at: this is the same machine, and the name
    on it is that of the store, not of the loopback.
    """
    secure = environ.get("MSRV_TLS") != "off"
    host = environ.get("MSRV_HOST", "")
    host = _ANY_ADDRESS.get(host, host)
    port = environ.get("MSRV_PORT") or ("8443" if secure else "8000")
    if not port.isdecimal():
        return False, f"MSRV_PORT: {port!r} is no port"
    connection = _connection(host, int(port), secure=secure)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        status = str(json.loads(answer.read(1024))["status"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        # Whoever answered there may have said anything, over many lines.
        said = getattr(error, "strerror", None) or str(error)
        reason = " ".join(said.split()) or type(error).__name__
        return False, f"the store on {host} port {port}: {reason}"
    finally:
        connection.close()
    sentence = f"the store on {host} port {port}: {status}"
    return answer.status == 200, sentence


def _connection(host: str, port: int, *, secure: bool) -> HTTPConnection:
    if not secure:
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(
        host, port, timeout=TIMEOUT_SECONDS, context=context
    )
