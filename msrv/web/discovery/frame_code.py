# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTML that shows a release in another site's page, and the sizes of it.

Apart from `embeds`, whose routes import the storefront, which uses this too.
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from msrv.catalog.model import Release
from msrv.web.discovery.page_metadata import title_with_artist


@dataclass(frozen=True, slots=True)
class EmbedSize:
    """Size of a frame in pixels; `tracks` is how many are listed."""

    width: int
    height: int
    tracks: int


SIZES: Final = {
    "small": EmbedSize(360, 120, 1),
    "medium": EmbedSize(360, 560, 1),
    "large": EmbedSize(480, 640, 100),
}


def frame_code(
    release: Release, base_url: str, *, width: int, height: int
) -> str:
    """Return the HTML that embeds a release in another page."""
    return str(
        Markup(
            '<iframe src="{}/embed/{}" width="{}" height="{}" title="{}" '
            'loading="lazy" style="border:0"></iframe>'
        ).format(
            base_url,
            release.release_id,
            width,
            height,
            title_with_artist(release),
        )
    )
