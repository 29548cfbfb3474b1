"""Files of every kind, made once."""

import pytest

from tests.catalog import sample_files


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """A sound of every kind, by its name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def films(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """A film of every kind, by its name."""
    return sample_files.films(ffmpeg, tmp_path_factory.mktemp("films"))
