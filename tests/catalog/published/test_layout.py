# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Documents of a published library."""

import pytest

from msrv.catalog.published.layout import (
    BadDocument,
    Pointer,
    PublishedLibrary,
)
from msrv.proofs.keyring import Keyring


def test_tampered_documents_are_refused(keyring: Keyring) -> None:
    pointer = Pointer(
        serial=1,
        catalog="20261129T120000Z-0123456789abcdef",
        sha256="00" * 32,
        content="",
        published_at=1,
    )
    document = pointer.encode(keyring)
    assert Pointer.decode(keyring, document) == pointer
    for at in range(len(document)):
        changed = bytearray(document)
        changed[at] ^= 1
        with pytest.raises(BadDocument):
            Pointer.decode(keyring, bytes(changed))
    for wrong in (b"", document[:-1], document + b" ", b"MSRV pointer 1\n"):
        with pytest.raises(BadDocument):
            Pointer.decode(keyring, wrong)
    # A pointer is no catalog, though the key is the same.
    with pytest.raises(BadDocument):
        PublishedLibrary.decode(keyring, document)
