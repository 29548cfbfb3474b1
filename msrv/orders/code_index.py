"""What a code's signs stand for here: items, and campaigns that ended."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from msrv.catalog.model import Catalog
from msrv.proofs.codes import campaign_tag, item_tag

_AT_ONCE: Final = 2000
"""So many are a millisecond or two; more of them go to a thread."""


class CampaignEnded(Exception):
    """The code is genuine, and the store has ended its campaign."""


class CodeBook:
    """The items of a catalog by their tags; made anew as it changes."""

    def __init__(self, ended_campaigns: Iterable[str] = ()) -> None:
        self._ended = frozenset(map(campaign_tag, ended_campaigns))
        self._version: str | None = None
        self._items: Mapping[str, tuple[str, ...]] = {}

    def has_ended(self, campaign_tag: str) -> bool:
        """Whether the store takes no more codes of a campaign."""
        return campaign_tag in self._ended

    async def items(self, catalog: Catalog, tag: str) -> tuple[str, ...]:
        """Give the ids that a tag can stand for, withdrawn ones included."""
        if catalog.version != self._version:
            ids = tuple(catalog.by_id)
            found = (
                _by_tag(ids)
                if len(ids) <= _AT_ONCE
                else await asyncio.to_thread(_by_tag, ids)
            )
            self._items, self._version = found, catalog.version
        return self._items.get(tag, ())


def _by_tag(item_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item_id in item_ids:
        tag = item_tag(item_id)
        found[tag] = (*found.get(tag, ()), item_id)
    return found
