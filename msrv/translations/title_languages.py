# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Languages of titles, by their script where that is certain.

For `lang` attributes: a screen reader takes the voice of the language, and a
browser the letter forms. Latin and Cyrillic are written in many languages, and
Han characters alone may be Chinese or Japanese, so such titles have none.
Apart from the pages: mails and the studio ask for it, too.
"""

import unicodedata
from functools import lru_cache
from typing import Final

_SCRIPTS: Final = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "HEBREW": "he",
    "GREEK": "el",
    "THAI": "th",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
}
"""Languages by the first word of their letters' names in Unicode."""
_ARABIC: Final = frozenset("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي")
_ONLY_ARABIC: Final = frozenset("أإةكىي")
"""Letters that Persian and Urdu write with others, or not at all."""


@lru_cache(maxsize=4096)
def title_language(title: str) -> str:
    """Return the language of a title as a tag of BCP 47, empty if unknown.

    At least half of its letters have to be of the language's script; Han
    characters count for Japanese where there are kana.
    """
    letters = [each for each in title if each.isalpha()]
    names = [unicodedata.name(each, "").split(" ")[0] for each in letters]
    found = {_SCRIPTS[name] for name in names if name in _SCRIPTS}
    arabic = {
        each
        for each, name in zip(letters, names, strict=True)
        if name == "ARABIC"
    }
    if arabic and arabic <= _ARABIC and arabic & _ONLY_ARABIC:
        found.add("ar")
    if len(found) != 1:
        return ""
    (language,) = found
    own = {name for name, tag in _SCRIPTS.items() if tag == language}
    own |= {"ar": {"ARABIC"}, "ja": {"CJK"}}.get(language, set())
    if 2 * sum(name in own for name in names) < len(names):
        return ""
    return language
