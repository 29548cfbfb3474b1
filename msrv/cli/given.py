"""The settings of a command."""

from msrv import settings
from msrv.settings import Settings


def given(**options: object) -> Settings:
    """Read the settings, and keep the secrets from all that is started.

    Options that were given go before the environment. Raises WrongSetting.
    """
    found = settings.load(None, **options)
    settings.drop_secrets()
    return found
