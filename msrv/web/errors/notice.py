"""The shape of what a visitor is told, and the ways on from there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown: in words, and as members of a JSON answer."""

    status: int
    code: str
    title: str
    sentence: str
    way: tuple[str, str] = ("/catalog", "To the catalog")
    data: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


Table = Mapping[type[Exception], Notice | Callable[[Any], Notice]]
"""What is told of each type of error, or how to say it of one."""

CART: Final = ("/cart", "To your cart")
FRONT: Final = ("/", "To the front")
_SHOWN_CHARS: Final = 64


def short(item_id: str) -> str:
    """Keep what a stranger sent from filling the page."""
    if len(item_id) <= _SHOWN_CHARS:
        return item_id
    return item_id[:_SHOWN_CHARS] + "…"
