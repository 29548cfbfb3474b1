# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facts of a text file beside a track: its lyrics, and what is wrong in it.

Apart from `library.indexing`, which hashes files of all kinds.
"""

from itertools import islice
from typing import Any, BinaryIO, Final

from msrv.catalog.library.file_index import TEXTS
from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.metadata.lyrics import LRC, lrc_problems, parse_lyrics
from msrv.catalog.metadata.track_texts import TrackTexts

NOT_UTF_8: Final = "not_utf_8"
WRONG_LINES: Final = "wrong_lines"
"""Name of the fact with the lines of an LRC file that are wrong."""
_MAX_WRONG_LINES: Final = 5
_MAX_BYTES: Final = 64 << 10


def read_lyrics_facts(file: BinaryIO, wanted: FoundFile) -> dict[str, Any]:
    """Return the lyrics in a text file; any text may be those of a track."""
    if wanted.size_bytes > _MAX_BYTES:
        return {}
    file.seek(0)
    try:
        text = file.read(_MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        return {NOT_UTF_8: True}
    texts = TrackTexts(parse_lyrics(text))
    facts: dict[str, Any] = {TEXTS: texts.to_facts()} if texts else {}
    if wanted.suffix == LRC:
        wrong = list(islice(lrc_problems(text), _MAX_WRONG_LINES))
        if wrong:
            facts[WRONG_LINES] = wrong
    return facts
