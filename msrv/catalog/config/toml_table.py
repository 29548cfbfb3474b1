# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Base of the models of `store.toml` and `release.toml`.

Apart from both, so that neither imports the other.
"""

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from msrv.money import Money


class Table(BaseModel):
    """A table of a file. Strict: `hidden = "yes"` is not true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("fixed_price", "fixed_item_price", check_fields=False)
    @classmethod
    def _price_or_minimum(cls, price: Money, info: ValidationInfo) -> Money:
        """Refuse a contradiction: a seller has to mean one of the two."""
        minimum = _minimum_of(info)
        if info.data.get(minimum) is not None:
            raise ValueError(
                f"is fixed, but {minimum!r} lets the buyer set it: keep one "
                "of them"
            )
        return price

    @field_validator("suggested", "item_suggested", check_fields=False)
    @classmethod
    def _at_least_minimum(cls, price: Money, info: ValidationInfo) -> Money:
        name = _minimum_of(info)
        if name not in info.data:
            return price  # the minimum has a problem of its own
        minimum = info.data[name]
        if minimum is None:
            raise ValueError(f"needs {name!r} as well")
        if price.minor < minimum.minor:
            raise ValueError(f"must be at least {name!r}")
        return price


def _minimum_of(info: ValidationInfo) -> str:
    """Return the name of the minimum that goes with a price's field."""
    return "item_minimum" if "item" in str(info.field_name) else "minimum"
