"""Answers of the helper, checked before they are believed.

The helper may have been taken over by the file that it parsed.
"""

import re
from collections.abc import Callable
from typing import Final

from msrv.catalog.metadata.images import ArtworkFacts, NotAPicture
from msrv.catalog.metadata.tags import NotAudio, Tags
from msrv.catalog.names.text import clean
from msrv.catalog.parsing.errors import HelperEnded
from msrv.catalog.parsing.frames import Frame
from msrv.catalog.parsing.values import BadValue, checked

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_MAX_SIDE: Final = 1 << 20


def tags_of(answer: Frame) -> Tags:
    """Return the tags in an answer.

    Raises NotAudio, OSError, BadValue and HelperEnded, as all of these do.
    """
    _check(answer, NotAudio)
    return Tags.from_facts(checked(Tags, answer.fields.get("tags")))


def picture_of(answer: Frame) -> ArtworkFacts:
    """Return the facts of a picture in an answer. Raises NotAPicture."""
    _check(answer, NotAPicture)
    facts = ArtworkFacts(**checked(ArtworkFacts, answer.fields.get("picture")))
    if not (0 < facts.width <= _MAX_SIDE and 0 < facts.height <= _MAX_SIDE):
        raise BadValue("a picture's size")
    if not _COLOUR.fullmatch(facts.colour):
        raise BadValue("a colour")
    return facts


def webp_of(answer: Frame) -> bytes:
    """Return the WebP in an answer. Raises NotAPicture."""
    _check(answer, NotAPicture)
    if (answer.body[:4], answer.body[8:12]) != (b"RIFF", b"WEBP"):
        raise BadValue("a picture")
    return answer.body


def line_of(said: object) -> str:
    """Return a helper's sentence as one line that can be shown."""
    return clean(str(said)[:1000], 300)


def _check(answer: Frame, refused: Callable[[str], Exception]) -> None:
    """Raise the error that a helper sent instead of an answer."""
    if "refused" in answer.fields:
        raise refused(line_of(answer.fields["refused"]))
    if "unreadable" in answer.fields:
        raise OSError(None, line_of(answer.fields["unreadable"]))
    if "memory" in answer.fields:
        raise HelperEnded("takes too much memory to read", by_chance=False)
