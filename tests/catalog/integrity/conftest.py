# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Audio and video files of every format, created once a session."""

import pytest

from tests.catalog import sample_files


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Audio files of every format, by name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def films(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Video files of every format, by name."""
    return sample_files.films(ffmpeg, tmp_path_factory.mktemp("films"))
