# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Answers to an authority's challenges, as files that every replica reads.

HTTP-01 (RFC 8555, section 8.3) asks for a text by its token; TLS-ALPN-01 (RFC
8737) for a certificate by its name. An authority may connect to any replica,
and from several places at once.
"""

import re
from pathlib import Path
from typing import Final

from msrv.files import make_private_folder, write_file

PATH_PREFIX: Final = "/.well-known/acme-challenge/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""RFC 8555, section 8.3: base64url, and nothing that leads elsewhere."""
_MAX_BYTES: Final = 4096


class ChallengeFolder:
    """Folder of answers. All methods block; those that write raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = path / "http"
        self.certificates = path / "tls"
        """Folder of a file for each name: its key and certificate."""

    def create(self) -> None:
        """Create the folders."""
        make_private_folder(self._path)
        make_private_folder(self._tokens)
        make_private_folder(self.certificates)

    def add_token(self, token: str, authorization: str) -> None:
        """Answer HTTP-01 for a token."""
        write_file(self._tokens / token, authorization.encode())

    def add_certificate(self, name: str, content: bytes) -> None:
        """Answer TLS-ALPN-01 for a name."""
        write_file(self.certificates / f"{name}.pem", content)

    def find(self, token: str) -> bytes | None:
        """Return the key authorization of a token, None without one."""
        if not is_token(token):
            return None
        try:
            with (self._tokens / token).open("rb") as file:
                return file.read(_MAX_BYTES)
        except OSError:
            return None

    def clear(self) -> None:
        """Remove all answers, those of a process that died included."""
        for folder in (self._tokens, self.certificates):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)


def is_token(text: str) -> bool:
    """Return whether a text can be a token, and a file's name."""
    return _TOKEN.fullmatch(text) is not None
