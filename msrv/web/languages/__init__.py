# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Language of a request: stated in its address, chosen, or negotiated."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.model import Shop
from msrv.translations import Language
from msrv.translations.catalogs import LANGUAGES, NAMES, SOURCE
from msrv.translations.negotiation import negotiate
from msrv.web import cookies
from msrv.web.store import BACK, STORE

PARAMETER: Final = "lang"
_BY_TAG: Final = {Language(each).tag.lower(): each for each in LANGUAGES}
_READING: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """Languages that a page is available in, for its head and its footer.

    `back` is the page's own path without a stated language, empty if it
    can't be opened again. `is_stated` is true where the address states the
    language.
    """

    current: Language
    back: str
    is_stated: bool

    @property
    def names(self) -> dict[str, str]:
        """The languages' own names by their tags, of two or more."""
        if len(LANGUAGES) < 2:
            return {}
        return {Language(each).tag: NAMES[each] for each in LANGUAGES}

    def canonical(self, address: str) -> str:
        """Return the address of the page in the language that it is in.

        Without a stated language, it is the same for all visitors.
        """
        tag = self.current.tag
        return _with_language(address, tag) if self.is_stated else address

    def alternates(self, address: str) -> dict[str, str]:
        """Return the page's addresses by language, `x-default` for any."""
        if len(LANGUAGES) < 2:
            return {}
        found = {tag: _with_language(address, tag) for tag in self.names}
        return {**found, "x-default": address}


def request_language(request: web.Request) -> Language:
    """Return the language that a response is to be in."""
    return negotiated_language(request, request.app[STORE].catalog)


def negotiated_language(
    request: web.BaseRequest, catalog: LiveCatalog
) -> Language:
    """Return the language that a response is to be in.

    By `lang` in the address, else the visitor's choice in a cookie, else
    `Accept-Language`, else the store's own.
    """
    return negotiate(
        request.headers.get("Accept-Language", ""),
        chosen=_stated(request) or _chosen(request),
        default=_own_language(catalog).texts,
    )


def own_language(request: web.Request) -> Language:
    """Return the store's own language, by `store.toml`."""
    return _own_language(request.app[STORE].catalog)


def _own_language(catalog: LiveCatalog) -> Language:
    try:
        shop = catalog.current.shop
    except NotReady:
        shop = Shop()
    return negotiate(
        "", default=shop.language if shop.language in LANGUAGES else SOURCE
    )


def language_choice(request: web.Request, current: Language) -> LanguageChoice:
    """Return the languages that the page of a request is available in."""
    back = request.get(BACK) or _path_again(request)
    return LanguageChoice(current, back, bool(_stated(request)))


def _path_again(request: web.Request) -> str:
    """Return the path that shows the page of a request again, empty for none.

    Of the answer to a form, that is its own path where a form is at the same
    address, or else the one above: a receipt's, of the form that mails it.
    """
    url = request.rel_url.without_query_params(PARAMETER)
    if request.method in _READING:
        return str(url)
    resource = request.match_info.route.resource
    if resource is None:
        return ""
    opened = {
        each.resource.canonical
        for each in request.app.router.routes()
        if each.method in _READING and each.resource
    }
    if resource.canonical in opened:
        return str(url)
    if resource.canonical.rpartition("/")[0] in opened:
        return str(
            url.with_path(
                url.raw_path.rpartition("/")[0], encoded=True, keep_query=True
            )
        )
    return ""


def find_language(tag: str) -> str:
    """Return the language with a tag, empty for one without texts."""
    return _BY_TAG.get(tag.lower(), "") if tag else ""


def _stated(request: web.BaseRequest) -> str:
    if (
        request.method not in _READING
        or f"{PARAMETER}=" not in request.rel_url.raw_query_string
    ):
        return ""
    return find_language(request.query.get(PARAMETER, ""))


def _chosen(request: web.BaseRequest) -> str:
    return find_language(cookies.read_language(request))


def _with_language(address: str, tag: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{PARAMETER}={tag}"
