# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Storage of the library and its encodings together."""

from dataclasses import replace
from pathlib import Path

import pytest

from msrv.storage.combined import CombinedStorage
from msrv.storage.local import LocalStorage
from msrv.storage.model import Gone
from tests.downloads import contents


async def test_each_content_is_read_from_its_own_folder(
    tmp_path: Path,
) -> None:
    library, encodings = tmp_path / "library", tmp_path / "encodings"
    sold = contents.add_file(library, "a.flac", b"lossless")
    made = replace(
        contents.add_file(encodings, "a.flac", b"encoded"), is_encoded=True
    )
    storage = CombinedStorage(LocalStorage(library), LocalStorage(encodings))
    for content, data in ((sold, b"lossless"), (made, b"encoded")):
        with storage.open(content) as file:
            assert file.read() == data
            assert storage.is_verified(file.fileno(), content)
            await storage.verify(content, file.fileno())
    (encodings / "a.flac").unlink()
    with pytest.raises(Gone):
        storage.open(made)
    storage.open(sold).close()
