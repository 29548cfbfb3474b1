# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Negotiation of the visitor's language, by `Accept-Language`.

Texts are in one of few languages. Prices are written as in one of many, since
1.000 is a thousand in one country and one in another; Babel provides CLDR's
rules.
"""

from functools import lru_cache
from typing import Final

from babel import negotiate_locale

from msrv.translations import Language
from msrv.translations.catalogs import LANGUAGES, SOURCE

# A language takes up to a megabyte once it is used, and each page with prices
# is cached once for each, so these are the visitors' languages and not all of
# CLDR's 1000.
FORMATS: Final = tuple(
    "en en_GB en_CA en_AU en_IN de de_AT de_CH fr fr_CA fr_CH es es_MX pt "
    "pt_PT it nl sv nb da fi is pl cs sk hu ro bg el tr uk ru he ar fa hi th "
    "vi id ja ko zh zh_TW ca hr sl lt lv et".split()
)
"""Languages that prices and numbers are written in, by their CLDR names."""
_RENAMED: Final = {"no": "nb", "nn": "nb", "iw": "he", "in": "id"}
"""Languages that browsers name otherwise, or that are written alike."""
_TRADITIONAL: Final = {"hant", "hk"}
_MAX_HEADER: Final = 200
_MAX_RANGES: Final = 12


def negotiate(
    header: str, *, chosen: str = "", default: str = SOURCE
) -> Language:
    """Return the language for a header, by RFC 9110, section 12.5.4.

    `chosen` is what the visitor chose, which has precedence, and `default`
    the store's own language; both are of LANGUAGES. Entries that can't be
    parsed are skipped.
    """
    return _negotiate(header[:_MAX_HEADER], chosen, default)


@lru_cache(maxsize=512)
def _negotiate(header: str, chosen: str, default: str) -> Language:
    wanted = _wanted(header)
    if chosen:
        wanted = [each for each in wanted if _base(each) == _base(chosen)]
    texts = chosen or _match(wanted, LANGUAGES) or default
    return Language(texts, _match(wanted, FORMATS) or texts)


def parse_language(code: str, default: str = SOURCE) -> Language:
    """Return the language of `Language.code`.

    It is the default for an unknown one, like that of another version.
    """
    texts, _, formats = code.partition("/")
    if texts not in LANGUAGES:
        return Language(default, default)
    return Language(texts, formats if formats in FORMATS else texts)


def _match(wanted: list[str], available: tuple[str, ...]) -> str:
    """Return the first of the available languages, "" for none."""
    found = negotiate_locale(wanted, available)
    by_name = {each.lower(): each for each in available}
    return by_name[found.lower()] if found else ""


def _wanted(header: str) -> list[str]:
    """Return a header's languages, the preferred ones first."""
    wanted: list[tuple[float, str]] = []
    for entry in header.split(",")[:_MAX_RANGES]:
        tag, _, parameter = entry.partition(";")
        quality = _quality(parameter.strip())
        if tag.strip() and quality > 0:
            wanted.append((-quality, tag.strip()))
    wanted.sort(key=lambda each: each[0])  # stable: as they were written
    return [_locale_name(tag) for _, tag in wanted]


def _base(name: str) -> str:
    return name.partition("_")[0].lower()


def _locale_name(tag: str) -> str:
    """Return a tag by language and region: `de-Latn-AT` is `de_at`."""
    first, *rest = tag.replace("-", "_").lower().split("_")
    if first == "zh" and not _TRADITIONAL.isdisjoint(rest):
        return "zh_tw"
    regions = [each for each in rest if len(each) in {2, 3}]
    return "_".join([_RENAMED.get(first, first), *regions[:1]])


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if not parameter:
        return 1.0
    try:
        quality = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
