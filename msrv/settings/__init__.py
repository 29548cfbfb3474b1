# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""All settings, loaded once from the environment into one frozen value.

Nothing else in MSRV reads the environment. docs/settings.md documents each
setting; a test compares the two.
"""

from msrv.forwarded_headers import Network
from msrv.settings.delivery_types import (
    NotifyTopic,
    OutgoingEndpoint,
)
from msrv.settings.environment import (
    PREFIX,
    SECRETS,
    WrongSetting,
    drop_secrets,
    load,
    require_library,
    secret_files,
    unknown_variables,
    variables,
    without_secrets,
)
from msrv.settings.model import DEMO_LIBRARY, Settings

__all__ = [
    "DEMO_LIBRARY",
    "PREFIX",
    "SECRETS",
    "Network",
    "NotifyTopic",
    "OutgoingEndpoint",
    "Settings",
    "WrongSetting",
    "drop_secrets",
    "load",
    "require_library",
    "secret_files",
    "unknown_variables",
    "variables",
    "without_secrets",
]
