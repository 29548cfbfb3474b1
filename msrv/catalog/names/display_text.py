"""Names of files and tags as text that is safe to show."""

import unicodedata
from typing import Final

MAX_CHARS: Final = 200
"""Of a title or another line; what is longer is cut there."""

# What turns the direction of the text around it, and can make a file's name
# read as another. The plain marks (U+200E, U+200F) don't, and neither do the
# joiners; Arabic, Persian and many emoji are written with those.
_TURNING: Final = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_CONTROL: Final = frozenset({"Cc", "Cs"})


def shown(name: str) -> str:
    """Write a path or a file's name on one line, whatever it holds.

    Control characters, bytes that are no text, and marks that can't be seen
    are escaped.
    """
    if name.isascii() and name.isprintable():
        return name
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in unicodedata.normalize("NFC", name)
    )


def clean(text: str, limit: int = MAX_CHARS) -> str:
    """Keep one line of text, in composed letters, of at most `limit`.

    White space becomes single spaces; control characters, bytes that are no
    text, and what turns the direction of writing go.
    """
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text[:limit].strip()
    text = "".join(
        c
        for c in unicodedata.normalize("NFC", text)
        if unicodedata.category(c) not in _CONTROL and c not in _TURNING
    )
    return " ".join(text[:limit].split())


def composed(name: str) -> str:
    """Give the spelling that macOS's and Linux's copies of a name share."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def folded_name(name: str) -> str:
    """Write a name so that spellings of one name are the same.

    Case, white space and the kind of Unicode letters don't count; accents do.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
