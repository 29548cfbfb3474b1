# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of `store.toml` that say how the store looks.

Apart from `fields`, which are those of what is sold.
"""

from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator

from msrv.catalog.model import ShopLink
from msrv.catalog.theme.theme_files import THEME_FOLDER
from msrv.display_text import MAX_CHARS, clean_line
from msrv.proofs.orders import is_item_id
from msrv.toml_file import requirement

_MAX_LINKS: Final = 12
_MAX_URL: Final = 500
_MAX_FEATURED: Final = 200
_ORDERS: Final = ("newest", "title", "artist")


def _checked_links(value: object) -> tuple[ShopLink, ...]:
    """Return the links of a list of addresses, or of a table with labels."""
    if isinstance(value, list):
        links = [_checked_link(None, each) for each in value]
    elif isinstance(value, dict):
        links = [_checked_link(*each) for each in value.items()]
    else:
        raise ValueError(
            "must be a list of addresses, or a table of labels and addresses"
        )
    if len(links) > _MAX_LINKS:
        raise ValueError(f"can have up to {_MAX_LINKS} links")
    return tuple(links)


def _checked_link(label: str | None, url: object) -> ShopLink:
    if not isinstance(url, str) or not _is_https(url):
        quoted = repr(url)[:MAX_CHARS]
        raise ValueError(
            f"must have addresses that begin with 'https://', not {quoted}"
        )
    host = urlsplit(url).hostname or ""
    name = clean_line(label or "", MAX_CHARS) or host.removeprefix("www.")
    return ShopLink(name, url)


def _is_https(url: str) -> bool:
    """Return whether this is an address of the web, without a password."""
    if (
        len(url) > _MAX_URL
        or not url.isprintable()
        or set(url) & set(' <>"\\')
    ):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and parts.username is None
    )


def _checked_order(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str) and value in _ORDERS:
        return value
    if isinstance(value, list) and value and all(_are_ids(value)):
        return _without_repeats(value)
    raise ValueError(
        "must be 'newest', 'title', 'artist', or a list of releases' ids"
    )


def _checked_releases(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(_are_ids(value)):
        raise ValueError("must be a list of releases' ids, like ['night-bus']")
    if len(value) > _MAX_FEATURED:
        raise ValueError(f"can have up to {_MAX_FEATURED} releases")
    return _without_repeats(value)


def _are_ids(values: list[object]) -> Iterator[bool]:
    return (isinstance(each, str) and is_item_id(each) for each in values)


def _without_repeats(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _checked_path(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        folder, slash, name = value.rpartition("/")
        is_beside = not slash or folder == THEME_FOLDER
        if (
            is_beside
            and name
            and not name.startswith(".")
            and "\\" not in name
        ):
            return value
    raise ValueError(
        "must be the name of a file beside store.toml or in the folder "
        f"{THEME_FOLDER!r}, like '{THEME_FOLDER}/logo.svg'"
    )


ThemePath = Annotated[str, PlainValidator(_checked_path)]
ThemeName = Annotated[
    str,
    Field(pattern="^(loud|quiet|paper)$"),
    requirement("must be 'loud', 'quiet' or 'paper'"),
]
Links = Annotated[tuple[ShopLink, ...], PlainValidator(_checked_links)]
Order = Annotated[str | tuple[str, ...], PlainValidator(_checked_order)]
ReleaseIds = Annotated[tuple[str, ...], PlainValidator(_checked_releases)]
