# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Managers that request certificates from a test server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from msrv.acme.certificate import IssuedCertificate
from msrv.acme.challenges import ChallengeFolder
from msrv.acme.manager import CertificateManager
from msrv.acme.rules import CertificateRules
from msrv.acme.state import StateFolder, load_certificate

NAME = "shop.example"


@dataclass(slots=True)
class SetClock:
    """Clock that a test sets; the machine's until then."""

    now: datetime | None = None

    def __call__(self) -> datetime:
        return self.now or datetime.now(UTC)


@dataclass(slots=True)
class Requester:
    """Data folder of a store, with a manager for each set of rules."""

    data: Path
    ca: Path
    directory: str
    clock: SetClock = field(default_factory=SetClock)
    state: StateFolder = field(init=False)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.data)
        self.state.create()

    def manager(self, *names: str, **rules: Any) -> CertificateManager:  # noqa: ANN401 - of CertificateRules
        """Return a manager, for HTTP-01 unless the rules say otherwise."""
        given = {
            "directory": self.directory,
            "ca": self.ca,
            "challenges": ("http-01",),
            **rules,
        }
        return CertificateManager(
            CertificateRules(names or ("shop.example",), **given),
            self.state,
            self.clock,
        )

    @property
    def certificate(self) -> IssuedCertificate:
        """The certificate on disk."""
        found = load_certificate(self.state.certificate)
        assert found is not None
        return found


@contextmanager
def answering(challenges: ChallengeFolder, port: int) -> Iterator[None]:
    """Answer HTTP-01 on a port of loopback, out of a folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = challenges.find(self.path.rpartition("/")[2])
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
