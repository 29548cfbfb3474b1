# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTTPS proxy in front of pebble: faults and renewal information.

Pebble 2.4, which Debian has, knows no rate limits, no server errors and no
renewal information (RFC 9773). It builds its addresses from `Host`, so all of
a client's requests pass through here.
"""

import http.client
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import trustme

from tests.acme.pebble_server import Pebble

RENEWAL_PATH = "/renewal-info"


@dataclass(frozen=True, slots=True)
class Response:
    """Response in place of pebble's."""

    status: int
    body: bytes = b""
    content_type: str = "application/problem+json"
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, code: str, detail: str, **headers: str) -> Response:
    """Return a problem document (RFC 8555, section 6.7)."""
    body = {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, json.dumps(body).encode(), headers=named)


Fault = Callable[[str, str], Response | None]
"""Returns a response to a method and a path, None for pebble's."""


class FaultyProxy:
    """Proxy that counts requests by path, on a free port of loopback."""

    def __init__(self, pebble: Pebble, folder: Path) -> None:
        folder.mkdir()
        self.pebble = pebble
        self.fault: Fault = lambda _method, _path: None
        self.renewal_info: dict[str, Any] | None = None
        self.renewal_retry_after = "21600"
        self.requests: list[str] = []
        self.accepted: list[str] = []
        self.ca = folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._to_pebble = ssl.create_default_context(cafile=pebble.ca)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(
            self._server.socket,
            server_side=True,
            do_handshake_on_connect=False,
        )
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def directory(self) -> str:
        """URL of the ACME directory."""
        return f"https://localhost:{self._server.server_port}/dir"

    def count(self, ending: str) -> int:
        """Return how many requests for paths with this ending succeeded.

        Pebble rejects some for their nonce, and they are sent again.
        """
        return sum(path.endswith(ending) for path in self.accepted)

    def __enter__(self) -> Self:
        """Serve until the block is left."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def respond(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        """Return the response to one request."""
        self.requests.append(path)
        fault = self.fault(method, path)
        if fault is not None:
            return fault
        if path.startswith(RENEWAL_PATH):
            return Response(
                200 if self.renewal_info else 404,
                json.dumps(self.renewal_info).encode(),
                "application/json",
                {"Retry-After": self.renewal_retry_after},
            )
        found = self._forward(method, path, headers, body)
        if found.status < 400:
            self.accepted.append(path)
        if path == "/dir" and self.renewal_info is not None:
            directory = json.loads(found.body)
            directory["renewalInfo"] = self.directory.replace(
                "/dir", RENEWAL_PATH
            )
            return Response(
                200, json.dumps(directory).encode(), "application/json"
            )
        return found

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        connection = http.client.HTTPSConnection(
            "localhost",
            self.pebble.port,
            timeout=60,
            context=self._to_pebble,
        )
        try:
            connection.request(method, path, body or None, headers)
            found = connection.getresponse()
            return Response(
                found.status,
                found.read(),
                found.headers.get("Content-Type", ""),
                {
                    name: text
                    for name, text in found.getheaders()
                    if name in {"Replay-Nonce", "Location", "Link"}
                },
            )
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                found = proxy.respond(
                    self.command,
                    self.path,
                    {
                        name: self.headers[name]
                        for name in ("Host", "Content-Type", "User-Agent")
                        if name in self.headers
                    },
                    self.rfile.read(length),
                )
                self.send_response(found.status)
                self.send_header("Content-Type", found.content_type)
                self.send_header("Content-Length", str(len(found.body)))
                for name, text in found.headers.items():
                    self.send_header(name, text)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found.body)

            do_GET = do_HEAD = do_POST = _respond  # noqa: N815 - the base's names

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler
