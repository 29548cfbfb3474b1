# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts of the demo library: a page, and what is known of the bands.

Apart from its releases: a text is Markdown and belongs to no album.
"""

from collections.abc import Callable
from typing import Final

from PIL import Image

from demo import pictures

TEXTS: Final = {
    "pages/10 About.md": """\
# About this store

This is the demo of MSRV: two records by two bands, neither of which exists. \
Everything works, and no money moves.

## Make it yours

- A folder of files is a release.
- A Markdown file in `pages` is a page, like this one.
- A Markdown file in `artists` is about an artist.

Set `MSRV_LIBRARY` to a folder of your own, and this page is gone.
""",
    "artists/Lost Property.md": """\
One person with a suitcase, or the other way round. Lost Property records \
between two announcements, in rooms that were meant for waiting.
""",
    "artists/The Working Group.md": """\
Formed by resolution, and adjourned after every record. The Working Group \
has an organ, a vibraphone, one drum machine and a standing invitation to a \
singer.
""",
}

PICTURES: Final[dict[str, Callable[[], Image.Image]]] = {
    "artists/Lost Property.png": pictures.lost_property,
    "artists/The Working Group.png": pictures.the_working_group,
}
