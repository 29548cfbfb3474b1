# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field type of `formats`, in `store.toml` and `release.toml`.

Apart from `fields`, which knows no recipes.
"""

from typing import Annotated

from pydantic import PlainValidator

from msrv.catalog.encodings.recipes import RECIPES


def _checked_formats(value: object) -> tuple[str, ...]:
    names = ", ".join(RECIPES)
    if not isinstance(value, list):
        raise ValueError(f"must be a list of formats: {names}")
    for each in value:
        if not isinstance(each, str) or each not in RECIPES:
            raise ValueError(
                f"must be a list of formats, and {each!r} is none of {names}"
            )
    return tuple(name for name in RECIPES if name in value)


Formats = Annotated[tuple[str, ...], PlainValidator(_checked_formats)]
"""Names of recipes, in their order; empty for no encodings."""
