"""Stylesheets, scripts and icons, each answer prepared once.

An address carries a digest of the bytes behind it (`/static/store.css?v=…`),
so a browser keeps it for a year and a changed file has another address.
"""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to send. `etag` is quoted; `packed` is gzip."""

    media_type: str
    data: bytes
    packed: bytes
    etag: str

    @property
    def packed_etag(self) -> str:
        """The packed form's own tag: it is another representation."""
        return f'"{self.version}-gz"'

    @property
    def version(self) -> str:
        """What stands after `?v=`."""
        return self.etag.strip('"')


def prepare(media_type: str, data: bytes) -> Asset:
    """Make an answer of some bytes."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    packed = gzip.compress(data, mtime=0)
    return Asset(media_type, data, packed, f'"{digest}"')


class Assets:
    """The files of `static/`; with `fresh`, read anew at each request."""

    def __init__(self, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._prepared = self._read()

    def get(self, name: str) -> Asset | None:
        """Find a file by its name, None where there is none."""
        return self._all().get(name)

    def url(self, name: str) -> str:
        """Give the address of a file. Raises KeyError where it is none."""
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
