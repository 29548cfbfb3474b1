# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Validation errors of pydantic as half sentences on a key or variable.

Apart, on the lowest floor, because the settings and the TOML files both
report them to an operator.
"""

import re
from collections.abc import Mapping
from typing import Final

from pydantic_core import ErrorDetails

_SENTENCES: Final[Mapping[str, str]] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "missing": "is missing",
    "string_too_long": "must have up to {max_length:,} characters",
}
_SUBJECT: Final = re.compile("^(?:Input|String|Value) should")


def half_sentence(error: ErrorDetails) -> str:
    """Return an error without its subject: `must be a whole number`."""
    known = _SENTENCES.get(error["type"])
    if known is not None:
        return known.format(**error.get("ctx", {}))
    if error["type"] == "value_error":  # a validator of our own
        return error["msg"].removeprefix("Value error, ")
    what = _SUBJECT.sub("must", error["msg"]).partition(", unable to")[0]
    return what[:1].lower() + what[1:]
