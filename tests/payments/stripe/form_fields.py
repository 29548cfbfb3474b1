# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe's bracketed forms: `line_items[0][quantity]=1` to nested values."""

import re
from collections.abc import Iterable
from typing import Any

_PART = re.compile(r"[^\[\]]+")
_NUMBERS = {"unit_amount", "quantity", "expires_at", "amount", "limit"}


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read the fields of a form as the object they spell."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = _PART.findall(name)
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = int(value) if last in _NUMBERS else value
    result = _lists(found)
    assert isinstance(result, dict)
    return result


def _lists(value: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(each) for key, each in value.items()}
