# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures: a library of a single file."""

from pathlib import Path

import pytest

from tests.storage.single_file_store import SingleFileStore


@pytest.fixture
def store(tmp_path: Path) -> SingleFileStore:
    """Library of a single file, and its content in the catalog."""
    return SingleFileStore(tmp_path)
