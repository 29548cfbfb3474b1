# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Assembly of a catalog from releases: unique ids, display order, version.

Apart from `loader`, which decides which folders to read: this is pure.
"""

import difflib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from msrv.catalog.browsing.release_order import sort_releases
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.documents.release_digest import release_digest
from msrv.catalog.library.found_files import RELEASE_TOML, STORE_TOML
from msrv.catalog.library.release_builder import BuiltRelease
from msrv.catalog.library.release_prices import default_price
from msrv.catalog.model import (
    ArtistProfile,
    Catalog,
    Item,
    Page,
    Release,
    Shop,
)
from msrv.catalog.texts.legal_texts import LegalText
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.display_text import printable
from msrv.toml_file import Problem

_VERSION_BYTES: Final = 9
_COMPARED_AT_MOST: Final = 10_000
"""Ids that a misspelt one is compared with, in 0.03 s."""


def drop_duplicate_ids(
    built: Iterable[BuiltRelease], problems: list[Problem]
) -> list[Release]:
    """Return the releases without duplicate ids.

    The first owner of an id keeps it; any other is added to `problems`.
    """
    taken: dict[str, tuple[str, BuiltRelease]] = {}
    releases = []

    def claim(wanted: str, path: str, made: BuiltRelease) -> bool:
        owner = taken.setdefault(wanted, (path, made))
        if owner[0] == path and owner[1] is made:
            return True
        where, line = _place_of_id(path, made)
        owned, owned_line = _place_of_id(*owner)
        if owned_line is not None:
            owned += f":{owned_line}"
        if printable(owner[0]) == printable(path):
            owned = "the same name in another Unicode form (NFC and NFD)"
        what = (
            f"{path!r} has the id {wanted!r}, "
            f"which is taken by {owned}; not offered"
        )
        problems.append(Problem(where, line, what))
        return False

    for made in built:
        release = made.release
        if release is None or not claim(
            release.release_id, release.folder, made
        ):
            continue
        items = tuple(
            item
            for item in release.items
            if claim(item.item_id, item.content.path, made)
        )
        if items:
            releases.append(_with_fewer_items(release, items, made))
    return releases


def _with_fewer_items(
    release: Release, items: tuple[Item, ...], made: BuiltRelease
) -> Release:
    """Return a release of these of its items, at no more than their sum."""
    fewer = release.with_items(items)
    if fewer is release or made.is_price_stated:
        return fewer
    total = sum(each.price.minor for each in fewer.offered or items)
    price = release.price
    return replace(fewer, price=replace(price, minor=min(price.minor, total)))


def _place_of_id(path: str, made: BuiltRelease) -> tuple[str, int | None]:
    """Return what pins an id, or the file that it follows from; a line."""
    line = made.lines.get(path)
    folder = made.release.folder if made.release else ""
    where = path if line is None else f"{folder}/{RELEASE_TOML}"
    return printable(where), line


def shop_with_files(
    shop: Shop,
    theme: Iterable[tuple[object, ThemeFile]],
    texts: Iterable[tuple[object, LegalText]],
) -> Shop:
    """Return a shop with the files of its look, and its legal texts.

    Each is the second of a pair, whose first is the file that it is from.
    """
    return replace(
        shop,
        theme_files=tuple(each for _, each in theme),
        legal=replace(shop.legal, texts=tuple(each for _, each in texts)),
    )


def assemble_catalog(
    shop: Shop,
    releases: Iterable[Release],
    pages: tuple[Page, ...] = (),
    profiles: tuple[ArtistProfile, ...] = (),
    built: Iterable[BuiltRelease] = (),
) -> Catalog:
    """Return a catalog of the releases: sorted, indexed by id, versioned.

    `built` have the digests of those releases that are as they were built.
    """
    releases = list(releases)
    ids = CatalogIds.of(releases)
    shop = _with_present_ids(shop, ids.moved)
    releases = sort_releases(shop.order, releases)
    texts: list[Page | ArtistProfile] = [*pages, *profiles]
    stated = repr((shop, [_text_fields(each) for each in texts]))
    digest = hashlib.sha256(stated.encode("utf-8", "backslashreplace"))
    digests = {id(made.release): made.digest for made in built}
    for release in releases:
        digest.update(digests.get(id(release)) or release_digest(release))
    return Catalog(
        shop=shop,
        releases=tuple(releases),
        offered=offered_releases(releases),
        version=digest.hexdigest()[: 2 * _VERSION_BYTES],
        by_id=ids.by_id,
        releases_by_id={each.release_id: each for each in releases},
        moved=ids.moved,
        held_by=ids.held_by,
        pages=pages,
        profiles=profiles,
    )


def offered_releases(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return the releases that are offered, with one item at least."""
    return tuple(each for each in releases if not each.hidden and each.offered)


def release_notes(
    store: StoreConfig, built: Sequence[BuiltRelease]
) -> Iterator[str]:
    """Yield the notes on folders, built-in prices and extras."""
    for made in built:
        yield from made.notes
    unpriced = sum(made.unpriced for made in built)
    if unpriced:
        price = default_price(store.shop.currency)
        yield (
            f"{unpriced:,} of the items have no price set, "
            f"and cost {price} each"
        )
    extras = sum(
        len(made.release.extras) for made in built if made.release is not None
    )
    if extras:
        yield (
            "1 file comes with its release, and is not sold by itself"
            if extras == 1
            else f"{extras:,} files come with their releases, "
            "and are not sold by themselves"
        )


def find_unknown_ids(
    store: StoreConfig, releases: Iterable[Release]
) -> Iterator[Problem]:
    """Yield a problem for each id in store.toml that nothing has.

    Those of `order` and `featured` are of releases, and those of a discount
    of releases and items.
    """
    releases = list(releases)
    known = {each.release_id for each in releases}
    former = {
        each.release_id
        for release in releases
        for each in release.former
        if isinstance(each, Release)
    }
    shop = store.shop
    order = shop.order if isinstance(shop.order, tuple) else ()
    for key, release_ids in (("order", order), ("featured", shop.featured)):
        for each in release_ids:
            if each not in known and each not in former:
                what = f"{key!r} has {each!r}, which is the id of no release"
                yield _unknown_id(store, key, what, each, known)
    if not any(each.item_ids for each in shop.discounts):
        return
    every = CatalogIds.of(releases).by_id.keys()
    for discount in shop.discounts:
        for each in discount.item_ids:
            if each not in every:
                what = (
                    f"the discount {discount.name} has {each!r}, which is the "
                    "id of no release and no item"
                )
                key = f"discounts.{discount.name}.items"
                yield _unknown_id(store, key, what, each, every)


def _unknown_id(
    store: StoreConfig,
    key: str,
    what: str,
    item_id: str,
    known: Collection[str],
) -> Problem:
    """Return the problem of an id in store.toml, perhaps with a suggestion."""
    compared = known if len(known) <= _COMPARED_AT_MOST else ()
    close = difflib.get_close_matches(item_id, compared, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return Problem(STORE_TOML, store.lines.get(key), what + hint)


@dataclass(frozen=True, slots=True)
class CatalogIds:
    """The ids of a catalog that follow from its releases; see Catalog."""

    by_id: dict[str, Item | Release] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    held_by: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, releases: Iterable[Release]) -> Self:
        """Return the ids of some releases.

        Present ids take precedence over former ones, in any order of folders.
        """
        found = cls()
        for release in releases:
            found.by_id[release.release_id] = release
            for item in release.items:
                found.by_id[item.item_id] = item
        for release in releases:
            for item in release.extras:
                found.by_id.setdefault(item.item_id, item)
        for release in releases:
            if release.former:
                found._add_former(release)
        return found

    def _add_former(self, release: Release) -> None:
        """Add the ids under which a release's files were sold before."""
        now = {
            path: item.item_id
            for item in (*release.items, *release.extras)
            for path in (
                item.content.path,
                *(each.path for each in item.alternatives),
            )
        }
        for former in release.former:
            items: tuple[Item, ...] = ()
            whole = ""
            if isinstance(former, Item):
                items = (former,)
            elif self._is_new(former.release_id, former):
                whole = former.release_id
                self.moved[whole] = release.release_id
                items = (*former.items, *former.extras)
            for item in items:
                item_id = item.item_id
                if not self._is_new(item_id, item):
                    if whole:
                        known = self.held_by.get(item_id, ())
                        self.held_by[item_id] = (*known, whole)
                elif item.content.path in now:
                    self.moved[item_id] = now[item.content.path]

    def _is_new(self, item_id: str, entry: Item | Release) -> bool:
        return self.by_id.setdefault(item_id, entry) is entry


def _with_present_ids(shop: Shop, moved: Mapping[str, str]) -> Shop:
    """Return the shop with present ids in place of former ones.

    store.toml may have been written when releases had those.
    """

    def present(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(moved.get(each, each) for each in ids)

    order = shop.order
    return replace(
        shop,
        order=present(order) if isinstance(order, tuple) else order,
        featured=present(shop.featured),
        discounts=tuple(
            replace(each, item_ids=present(each.item_ids))
            for each in shop.discounts
        ),
    )


def _text_fields(text: Page | ArtistProfile) -> tuple[object, ...]:
    """Return the fields of a text that decide a catalog's version."""
    # Replicas have the same files with other inodes.
    return (
        text.slug if isinstance(text, Page) else text.links,
        text.title if isinstance(text, Page) else text.name,
        text.text,
        text.changed_at,
        text.picture and text.picture.content.sha256,
    )
