# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Digest of a release, of which a catalog's version consists.

Apart from `catalog_assembly`, as a release is digested once, when it is built.
"""

import hashlib

from msrv.catalog.model import Item, Release


def release_digest(release: Release) -> bytes:
    """Return a digest of what decides a catalog's version."""
    text = repr(_version_fields(release))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def _version_fields(release: Release) -> tuple[object, ...]:
    """Return the fields that decide a catalog's version."""
    # Plain values: the repr of a dataclass takes far longer.
    return (
        release.release_id,
        release.title,
        release.artist,
        release.date,
        release.description,
        release.credits,
        release.thanks,
        release.cover_alt,
        release.price.minor,
        release.price.currency,
        release.minimum and release.minimum.minor,
        release.hidden,
        release.cover and release.cover.content.sha256,
        release.details,
        [
            (
                item.item_id,
                item.title,
                item.artist,
                item.number,
                item.disc,
                item.price.minor,
                item.minimum and item.minimum.minor,
                item.hidden,
                item.content.path,
                item.content.sha256,
                item.formats,
                (item.listening.mode, item.listening.clip),
            )
            for item in (*release.items, *release.extras)
        ],
        [
            former.item_id if isinstance(former, Item) else former.release_id
            for former in release.former
        ],
    )
