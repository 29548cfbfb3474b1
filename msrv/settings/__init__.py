"""Every setting, read once from the environment into one frozen value.

Nothing else in MSRV reads the environment. Each setting is documented in
docs/settings.md, and a test holds the two to each other.
"""

from msrv.forwarded import Network
from msrv.settings.environment import (
    PREFIX,
    SECRETS,
    WrongSetting,
    drop_secrets,
    load,
    unknown_variables,
    variables,
)
from msrv.settings.model import DEMO_LIBRARY, Settings

__all__ = [
    "DEMO_LIBRARY",
    "PREFIX",
    "SECRETS",
    "Network",
    "Settings",
    "WrongSetting",
    "drop_secrets",
    "load",
    "unknown_variables",
    "variables",
]
