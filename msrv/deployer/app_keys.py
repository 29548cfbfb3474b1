# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys of the parts that handlers need.

Apart because the handlers import them, and `app` imports the handlers.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from msrv.deployer.auth import HookGuard
from msrv.deployer.config_model import DeployConfig
from msrv.deployer.metrics import DeployerMetrics
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue
from msrv.deployer.rollout.worker import DeploymentWorker
from msrv.settings import Settings

CONFIG: Final = web.AppKey("config", DeployConfig)
SETTINGS: Final = web.AppKey("settings", Settings)
GUARD: Final = web.AppKey("guard", HookGuard)
METRICS: Final = web.AppKey("metrics", DeployerMetrics)
JOURNAL: Final = web.AppKey("journal", DeploymentJournal)
QUEUE: Final = web.AppKey("queue", DeploymentQueue)
WORKER: Final = web.AppKey("worker", DeploymentWorker)
CLOCK: Final[web.AppKey[Callable[[], float]]] = web.AppKey("clock")
