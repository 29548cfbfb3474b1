"""What campaigns of codes are called."""

import re
from typing import Final

_CAMPAIGN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def is_campaign(text: str) -> bool:
    """Whether this can be a campaign's name: 1 to 32 of a-z, 0-9 and -."""
    return _CAMPAIGN.fullmatch(text) is not None
