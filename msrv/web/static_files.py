# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stylesheets and scripts of the package, prepared once.

An address carries a digest of its content (`/static/store.css?v=…`), so that
a browser can cache it for a year and a changed file has another address.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from multidict import MultiMapping

_MAX_HEADER: Final = 500
_NO_QUALITY: Final = re.compile(r"\s*q=0(?:\.0{0,3})?\s*")

_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, ready to send. `etag` is quoted; `packed` is gzip."""

    media_type: str
    data: bytes
    packed: bytes
    etag: str

    @property
    def packed_etag(self) -> str:
        """ETag of the gzip form, which is another representation."""
        return f'"{self.version}-gz"'

    @property
    def version(self) -> str:
        """Value of `?v=` in the address."""
        return self.etag.strip('"')


def accepts_gzip(headers: MultiMapping[str]) -> bool:
    """Return whether a client accepts gzip (RFC 9110, section 12.5.3)."""
    header = ",".join(headers.getall("Accept-Encoding", ()))
    return _lists_gzip(header[:_MAX_HEADER])


@lru_cache(maxsize=256)
def _lists_gzip(header: str) -> bool:
    for entry in header.split(","):
        coding, _, parameter = entry.partition(";")
        if coding.strip().lower() == "gzip":
            return not _NO_QUALITY.fullmatch(parameter)
    return False


def prepare(media_type: str, data: bytes) -> Asset:
    """Return an asset with the given content."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    packed = gzip.compress(data, mtime=0)
    return Asset(media_type, data, packed, f'"{digest}"')


class Assets:
    """Files of `static/`; with `fresh`, read again for each request."""

    def __init__(self, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._prepared = self._read()

    def get(self, name: str) -> Asset | None:
        """Return a file by its name, or None."""
        return self._all().get(name)

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError."""
        return f"/static/{name}?v={self._all()[name].version}"

    def _all(self) -> dict[str, Asset]:
        if self._fresh:
            self._prepared = self._read()
        return self._prepared

    @staticmethod
    def _read() -> dict[str, Asset]:
        prepared = {}
        for file in files("msrv.web").joinpath("static").iterdir():
            suffix = file.name.rpartition(".")[2]
            if file.is_file() and suffix in _TYPES:
                prepared[file.name] = prepare(
                    _TYPES[suffix], file.read_bytes()
                )
        return prepared
