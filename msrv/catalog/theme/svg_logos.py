# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of SVG logos: well-formed, and without anything but a drawing.

A browser runs no script in a picture of a page, but would in one opened by
its own address; the store also sends them with a policy that forbids it.
Apart from `theme_reader`, so that the rules can be read at once.
"""

import re
from typing import Final
from xml.etree import ElementTree as ET

_SVG: Final = "{http://www.w3.org/2000/svg}"
_FORBIDDEN: Final = frozenset({"script", "foreignObject", "iframe", "handler"})
_NUMBER: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:px)?\s*")
_OUTSIDE: Final = re.compile(
    r"(?:https?:)?//|javascript:|@import", re.IGNORECASE
)


class UnfitLogo(Exception):
    """An SVG can't be the logo; the message is half a sentence on it."""


def check_svg(data: bytes) -> tuple[int, int]:
    """Return the proportions of an SVG, 0 where it states none.

    Raises UnfitLogo.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnfitLogo("has a document type: save it as plain SVG")
    try:
        root = ET.fromstring(data)  # noqa: S314 - without entities, and small
    except (ET.ParseError, ValueError) as error:
        raise UnfitLogo(f"is not well-formed XML: {error}") from error
    if root.tag != f"{_SVG}svg":
        raise UnfitLogo("is not an SVG")
    for element in root.iter():
        _check_element(element)
    return _proportions(root)


def _check_element(element: ET.Element) -> None:
    name = str(element.tag).rpartition("}")[2]
    if name in _FORBIDDEN:
        raise UnfitLogo(f"contains <{name}>, which a logo may not")
    if name == "style" and _OUTSIDE.search(element.text or ""):
        raise UnfitLogo("loads something from elsewhere")
    for key, value in element.attrib.items():
        attribute = key.rpartition("}")[2].lower()
        if attribute.startswith("on"):
            raise UnfitLogo(f"contains a script, {attribute!r}")
        if attribute == "href" and not value.startswith(("#", "data:image/")):
            raise UnfitLogo("links to something elsewhere")
        if attribute == "style" and _OUTSIDE.search(value):
            raise UnfitLogo("loads something from elsewhere")


def _proportions(root: ET.Element) -> tuple[int, int]:
    box = root.get("viewBox", "").replace(",", " ").split()
    sides = box[2:] if len(box) == 4 else []
    sides = sides or [root.get("width", ""), root.get("height", "")]
    found = [_NUMBER.fullmatch(each) for each in sides]
    numbers = [float(each[1]) for each in found if each]
    if len(numbers) != 2 or min(numbers) <= 0 or max(numbers) > 1e6:
        return 0, 0
    scale = 1000 / max(numbers)
    width, height = (max(1, round(each * scale)) for each in numbers)
    return width, height
