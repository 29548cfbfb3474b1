# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Entries of the catalog to give away: items, and whole releases.

Apart from the pages of free copies and of codes, which share it.
"""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

from msrv.catalog.model import Item, Release
from msrv.orders.cart import single_item_or_release
from msrv.orders.pricing import id_of
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.fields import requirement_sentence
from msrv.web.errors.table import error_page
from msrv.web.store import STORE
from msrv.web.studio import page

SOURCE: Final = "studio"
"""Source of free copies in the ledger, and the key of their limit."""


@dataclass(frozen=True, slots=True)
class GivenEntry:
    """Entry to give away, and the others of its release.

    `choices` are ids and titles.
    """

    item_id: str
    entry: Item | Release
    release: Release
    choices: tuple[tuple[str, str], ...]


def choose_release(request: web.Request) -> None:
    """Redirect to the list of releases unless the query names an item."""
    if not request.query.get("item"):
        raise web.HTTPSeeOther("/studio/releases")


def invalid(
    request: web.Request,
    template: str,
    error: InvalidField,
    form: MultiDict[str],
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Return a form again, with what was typed and the error beside it."""
    found = error_page(error)
    return page.render(
        request,
        template,
        {"error": found.code, "message": found.message, **found.data},
        status=found.status,
        typed=form,
        errors={error.field: requirement_sentence(error)},
        **context,
    )


def find(request: web.Request, item_id: str) -> GivenEntry:
    """Return what an id stands for. Raises NotFound, NotReady.

    What is hidden can be given as well: a press copy of what isn't out yet.
    """
    catalog = request.app[STORE].catalog.current
    found = catalog.by_id.get(catalog.moved.get(item_id, item_id))
    if found is None:
        raise NotFound
    release = catalog.release_of(found)
    if release is None:
        raise NotFound
    entry = single_item_or_release(found)
    whole = single_item_or_release(release)
    choices = {id_of(whole): whole.title}
    choices |= {each.item_id: each.title for each in release.items}
    choices.setdefault(id_of(entry), entry.title)
    return GivenEntry(id_of(entry), entry, release, tuple(choices.items()))
