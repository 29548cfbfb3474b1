# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A video of two seconds."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def ffmpeg_video(ffmpeg: str, tmp_path: Path) -> bytes:
    """Matroska of two seconds without sound."""
    path = tmp_path / "video.mkv"
    source = ["-f", "lavfi", "-i", "testsrc=d=2:s=32x32:r=5"]
    subprocess.run([ffmpeg, "-v", "error", *source, str(path)], check=True)
    return path.read_bytes()
