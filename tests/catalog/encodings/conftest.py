# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library whose track shall be MP3 and Opus too."""

from pathlib import Path

import pytest

from tests.catalog.encodings.masters import (
    EncodedLibrary,
    write_single,
)


@pytest.fixture
def library(ffmpeg: str, tmp_path: Path) -> EncodedLibrary:
    """A track and a PDF, of which the track shall be MP3 and Opus too."""
    root = tmp_path / "library"
    write_single(ffmpeg, root, "mp3-v0", "opus-128")
    (root / "Night Bus" / "Lyrics.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    return EncodedLibrary(
        ffmpeg, root, tmp_path / "data", tmp_path / "encodings"
    )
