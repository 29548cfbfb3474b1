# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Found files: their names and suffixes."""

import os

from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.library.found_files import FoundFile


@given(st.text("aB./ -\u00e9", max_size=12))
def test_suffix_is_that_of_the_operating_system(path: str) -> None:
    name = path.rpartition("/")[2]
    file = FoundFile(path, 0, 0, 0, 0)
    assert file.suffix == os.path.splitext(name)[1].lower()
