"""What hangs on the application, by type."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from msrv.deployer.auth import Desk
from msrv.deployer.config_model import Config
from msrv.deployer.metrics import Figures
from msrv.deployer.rollout.journal import Journal
from msrv.deployer.rollout.queue import Queue
from msrv.settings import Settings

CONFIG: Final = web.AppKey("config", Config)
SETTINGS: Final = web.AppKey("settings", Settings)
DESK: Final = web.AppKey("desk", Desk)
FIGURES: Final = web.AppKey("figures", Figures)
JOURNAL: Final = web.AppKey("journal", Journal)
QUEUE: Final = web.AppKey("queue", Queue)
CLOCK: Final[web.AppKey[Callable[[], float]]] = web.AppKey("clock")
HEALTHY: Final[web.AppKey[Callable[[], bool]]] = web.AppKey("healthy")
