"""What the application holds, and what each request carries."""

from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

from msrv.catalog.covers import Covers
from msrv.catalog.live import LiveCatalog
from msrv.catalog.previews import Previews
from msrv.downloads.concurrency_limit import Places
from msrv.downloads.sender import Sender
from msrv.ledger.protocol import Memory
from msrv.ledger.sign_ins import Door
from msrv.mail.worker import Postman
from msrv.orders.code_index import CodeBook
from msrv.payments.provider import Note
from msrv.payments.registry import Providers
from msrv.payments.return_addresses import Untagged
from msrv.payments.settlement import Till
from msrv.proofs.keyring import Keyring
from msrv.proofs.sign_in import Ticket
from msrv.settings import Settings
from msrv.web.catalog_cache import Shelf
from msrv.web.metrics import Traffic
from msrv.web.origin import Origin, OriginRules
from msrv.web.rate_limits import Limits
from msrv.web.representation_cache import Packs
from msrv.web.shop.qr_codes import QRCodes
from msrv.web.shop.static_files import Assets

Clock = Callable[[], int]
"""Says the time, in whole Unix seconds."""
Random = Callable[[int], bytes]
"""Gives that many random bytes."""


class Keeper(Protocol):
    """What keeps providers' messages until they have been followed."""

    async def keep(self, provider: str, note: Note) -> None:
        """Keep a message, on the disk. Raises InboxFailed."""
        ...


LISTENER: Final[web.AppKey[Keeper]] = web.AppKey("LISTENER")
SETTINGS: Final = web.AppKey("SETTINGS", Settings)
KEYRING: Final = web.AppKey("KEYRING", Keyring)
CATALOG: Final = web.AppKey("CATALOG", LiveCatalog)
COVERS: Final = web.AppKey("COVERS", Covers)
PREVIEWS: Final = web.AppKey("PREVIEWS", Previews)
SENDER: Final = web.AppKey("SENDER", Sender)
CLIP_SENDER: Final = web.AppKey("CLIP_SENDER", Sender)
"""Sends previews, out of their cache."""
PLACES: Final = web.AppKey("PLACES", Places)
PROVIDERS: Final = web.AppKey("PROVIDERS", Providers)
TRAFFIC: Final = web.AppKey("TRAFFIC", Traffic)
ASSETS: Final = web.AppKey("ASSETS", Assets)
CLOCK: Final[web.AppKey[Clock]] = web.AppKey("CLOCK")
RANDOM: Final[web.AppKey[Random]] = web.AppKey("RANDOM")
PACKS: Final = web.AppKey("PACKS", Packs)
SHELF: Final = web.AppKey("SHELF", Shelf)
LEDGER: Final = web.AppKey("LEDGER", Memory)
DOOR: Final = web.AppKey("DOOR", Door)
UNTAGGED_RETURNS: Final = web.AppKey("UNTAGGED_RETURNS", Untagged)
TILL: Final = web.AppKey("TILL", Till)
ORIGIN_RULES: Final = web.AppKey("ORIGIN_RULES", OriginRules)
CODE_BOOK: Final = web.AppKey("CODE_BOOK", CodeBook)
QR_CODES: Final = web.AppKey("QR_CODES", QRCodes)
LIMITS: Final = web.AppKey("LIMITS", Limits)
MAIL: Final = web.AppKey("MAIL", Postman)
"""Only there where the store sends mail."""

SESSION: Final = web.RequestKey("SESSION", Ticket)
"""Under which sign-in; set behind the studio's door."""
ORIGIN: Final = web.RequestKey("ORIGIN", Origin)
"""Who asked, and under which address; set for every request."""
ROUTE: Final = web.RequestKey("ROUTE", str)
"""The name of the route that answers; set for every request."""
