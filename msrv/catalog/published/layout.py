# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Layout of a published library: its documents, and the keys of its objects.

    current               the pointer: signed, replaced atomically
    catalogs/TIME-DIGEST  a catalog, signed; never replaced by other bytes
    blobs/2D/SHA256       bytes by their SHA-256; never replaced by others

A catalog document has all that replicas need besides the bytes: the releases
and their items, the encodings, and the pictures and clips made from them.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

import msgspec

from msrv.catalog.documents.catalog_document import (
    CatalogDocumentError,
    decode_catalog,
    encode_catalog,
)
from msrv.catalog.encodings.encoding_store import Encoding
from msrv.catalog.model import Catalog
from msrv.catalog.published.signed_documents import (
    sign_document,
    verify_document,
)
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring

POINTER: Final = "current"
CATALOGS: Final = "catalogs/"
BLOBS: Final = "blobs/"
_POINTER_TITLE: Final = "MSRV pointer 1"
_CATALOG_TITLE: Final = "MSRV published catalog 1"
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")
_DIGEST_CHARS: Final = 16
_HASH_BYTES: Final = 32


class BadDocument(Exception):
    """A document of the bucket is refused; the text is one line."""


class Pointer(msgspec.Struct, frozen=True):
    """Statement of which catalog is current.

    `serial` increases with each statement, so that an older one isn't
    believed after a newer one. `catalog` is the name of the document, and
    `sha256` its digest in hex; `content` is a digest of what it says, apart
    from its time. `published_at` is in Unix seconds. `previous` is the name
    of the catalog that a new one replaced.
    """

    serial: int
    catalog: str
    sha256: str
    content: str
    published_at: int
    previous: str = ""

    def encode(self, keyring: Keyring) -> bytes:
        """Return the pointer as a signed document."""
        return sign_document(
            keyring, _POINTER_TITLE, msgspec.json.encode(self)
        )

    @classmethod
    def decode(cls, keyring: Keyring, data: bytes) -> Self:
        """Return the pointer in a document. Raises BadDocument."""
        try:
            body = verify_document(keyring, _POINTER_TITLE, data)
            found = msgspec.json.decode(body, type=cls)
        except Forged:
            raise BadDocument(
                "the pointer isn't signed by this NONCE"
            ) from None
        except msgspec.MsgspecError as error:
            raise BadDocument(f"the pointer is damaged: {error}") from None
        if not is_catalog_name(found.catalog):
            raise BadDocument("the pointer names no catalog")
        return found


class Blob(msgspec.Struct, frozen=True, array_like=True):
    """Bytes in the bucket, by their SHA-256."""

    sha256: bytes
    size_bytes: int


class _Document(msgspec.Struct, frozen=True):
    """Published library as it is encoded.

    `blobs` are the SHA-256s of all objects that the document needs.
    """

    published_at: int
    catalog: bytes
    encodings: tuple[Encoding, ...]
    files: dict[str, Blob]
    blobs: bytes


@dataclass(frozen=True, slots=True)
class PublishedLibrary:
    """Library as it was published, without its bytes.

    `files` are those that a store keeps in its caches, by their names there:
    covers, clips and waveforms. `published_at` is in Unix seconds.
    """

    catalog: Catalog
    encodings: tuple[Encoding, ...]
    files: dict[str, Blob]
    published_at: int

    def encode(self, keyring: Keyring, blobs: frozenset[bytes]) -> bytes:
        """Return the library as a signed document. Blocks.

        Raises CatalogDocumentError.
        """
        document = _Document(
            self.published_at,
            encode_catalog(self.catalog),
            self.encodings,
            self.files,
            b"".join(sorted(blobs)),
        )
        return sign_document(
            keyring, _CATALOG_TITLE, msgspec.msgpack.encode(document)
        )

    @classmethod
    def decode(cls, keyring: Keyring, data: bytes) -> Self:
        """Return the library in a document. Blocks. Raises BadDocument."""
        document = _decode(keyring, data)
        try:
            catalog = decode_catalog(document.catalog)
        except CatalogDocumentError as error:
            raise BadDocument(f"the catalog is refused: {error}") from None
        return cls(
            catalog,
            document.encodings,
            document.files,
            document.published_at,
        )


def blobs_of(keyring: Keyring, data: bytes) -> frozenset[bytes]:
    """Return the SHA-256s of all objects that a document needs. Blocks.

    Raises BadDocument.
    """
    packed = _decode(keyring, data).blobs
    return frozenset(
        packed[at : at + _HASH_BYTES]
        for at in range(0, len(packed), _HASH_BYTES)
    )


def _decode(keyring: Keyring, data: bytes) -> _Document:
    try:
        body = verify_document(keyring, _CATALOG_TITLE, data)
        return msgspec.msgpack.decode(body, type=_Document)
    except Forged:
        raise BadDocument("the catalog isn't signed by this NONCE") from None
    except msgspec.MsgspecError as error:
        raise BadDocument(f"the catalog is damaged: {error}") from None


def catalog_name(document: bytes, published_at: int) -> str:
    """Return the name of a catalog document, which sorts by its time."""
    time = datetime.fromtimestamp(published_at, UTC)
    digest = hashlib.sha256(document).hexdigest()[:_DIGEST_CHARS]
    return f"{time:%Y%m%dT%H%M%SZ}-{digest}"


def is_catalog_name(name: str) -> bool:
    """Return whether a text is the name of a catalog document."""
    return _NAME.fullmatch(name) is not None


def catalog_key(name: str) -> str:
    """Return the key of a catalog document."""
    return CATALOGS + name


def blob_key(sha256: bytes) -> str:
    """Return the key of an object by its SHA-256."""
    digest = sha256.hex()
    return f"{BLOBS}{digest[:2]}/{digest}"
