# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Hints for downloading on a phone, chosen by the browser's `User-Agent`.

The header can say anything: a wrong guess shows or hides a hint, no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msrv.catalog.model import Release
from msrv.orders.download_links import ReceiptItem

_LARGE_BYTES: Final = 100 * 10**6
_MAX_CHARS: Final = 1000

IN_APP_BROWSERS: Final = (
    ("Instagram", "Instagram"),
    ("Barcelona", "Threads"),
    ("MessengerForiOS", "Messenger"),
    ("Orca-Android", "Messenger"),
    ("FBAN", "Facebook"),
    ("FBAV", "Facebook"),
    ("FB_IAB", "Facebook"),
    ("musical_ly", "TikTok"),
    ("BytedanceWebview", "TikTok"),
    ("TikTok", "TikTok"),
    ("Snapchat", "Snapchat"),
    ("Pinterest", "Pinterest"),
    ("LinkedInApp", "LinkedIn"),
    ("TwitterAndroid", "X"),
    ("Twitter for iPhone", "X"),
    ("MicroMessenger", "WeChat"),
    ("Line/", "LINE"),
    ("KAKAOTALK", "KakaoTalk"),
    ("GSA/", "Google"),
    ("; wv)", ""),
)
"""Marks of apps that open links in a window of their own, and their names.

In such a window a download may do nothing. The last mark is that of every
Android WebView, whose app is unknown.
"""


@dataclass(frozen=True, slots=True)
class DownloadHints:
    """Hints for one browser and one receipt.

    `app` is the app in whose window the page is open, empty for an unknown
    one; `is_in_app` is true for either. `zip_on` is "ios" or "android" where
    a phone is about to download a ZIP, else empty. `large_bytes` is the size
    of a large download on a phone, else 0.
    """

    is_in_app: bool = False
    app: str = ""
    zip_on: str = ""
    large_bytes: int = 0


def hints_for(user_agent: str, items: Sequence[ReceiptItem]) -> DownloadHints:
    """Return the hints for a browser that shows these items."""
    user_agent = user_agent[:_MAX_CHARS]
    system = _system(user_agent)
    if not system:
        return DownloadHints()
    app = next(
        (name for mark, name in IN_APP_BROWSERS if mark in user_agent), None
    )
    available = [each for each in items if each.link and each.entry]
    releases = [
        each.entry for each in available if isinstance(each.entry, Release)
    ]
    size_bytes = max((each.size_bytes for each in releases), default=0)
    return DownloadHints(
        is_in_app=app is not None and bool(available),
        app=app or "",
        zip_on=system if releases else "",
        large_bytes=size_bytes if size_bytes >= _LARGE_BYTES else 0,
    )


def _system(user_agent: str) -> str:
    """Return "ios", "android", or empty for anything but a phone."""
    if "iPhone" in user_agent or "iPad" in user_agent:
        return "ios"
    return "android" if "Android" in user_agent else ""
