"""What hangs on the application, by type."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from msrv.deployer.desk import Desk
from msrv.deployer.figures import Figures
from msrv.deployer.journal import Journal
from msrv.deployer.queue import Queue
from msrv.deployer.targets import Config
from msrv.settings import Settings

CONFIG: Final = web.AppKey("config", Config)
SETTINGS: Final = web.AppKey("settings", Settings)
DESK: Final = web.AppKey("desk", Desk)
FIGURES: Final = web.AppKey("figures", Figures)
JOURNAL: Final = web.AppKey("journal", Journal)
QUEUE: Final = web.AppKey("queue", Queue)
CLOCK: Final[web.AppKey[Callable[[], float]]] = web.AppKey("clock")
HEALTHY: Final[web.AppKey[Callable[[], bool]]] = web.AppKey("healthy")
