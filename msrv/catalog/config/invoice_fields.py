# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table `[invoices]` of `store.toml`."""

import re
from typing import Annotated, Final, Self

from pydantic import Field, PlainValidator, model_validator

from msrv.catalog.config.fields import StartOfDay
from msrv.catalog.config.toml_table import Table
from msrv.catalog.details.invoicing import (
    TEST_PREFIX,
    InvoiceRules,
    Seller,
    SeriesMode,
)
from msrv.display_text import clean_line
from msrv.toml_file import requirement

_MAX_CHARS: Final = 100
_MAX_EXEMPTION: Final = 500
_PREFIX: Final = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){0,2}")
# Written into the invoice as it is, for programs to compare.
_TAX_ID: Final = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,13}")


def _checked_text(value: object) -> str:
    text = _clean(value, _MAX_CHARS)
    if not text:
        raise ValueError(f"must be a text of up to {_MAX_CHARS} characters")
    return text


def _checked_exemption(value: object) -> str:
    text = _clean(value, _MAX_EXEMPTION)
    if not text:
        raise ValueError(
            f"must be a text of up to {_MAX_EXEMPTION} characters"
        )
    return text


def _clean(value: object, most: int) -> str:
    """Return a line of at most so many characters, else an empty one."""
    if not isinstance(value, str) or len(value) > most:
        return ""
    return clean_line(value, most)


def _checked_prefix(value: object) -> str:
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        raise ValueError(
            "must be up to 12 of A-Z and 0-9, like 'INV'; a hyphen may join "
            "two or three of these"
        )
    if value.split("-")[0] == TEST_PREFIX:
        raise ValueError(
            f"must not begin with {TEST_PREFIX}: invoices of test payments do"
        )
    return value


def _checked_mode(value: object) -> SeriesMode:
    if not isinstance(value, str) or value not in set(SeriesMode):
        names = ", ".join(repr(str(each)) for each in SeriesMode)
        raise ValueError(f"must be one of {names}")
    return SeriesMode(value)


def _checked_vat_id(value: object) -> str:
    text = "".join(value.split()) if isinstance(value, str) else ""
    if not _TAX_ID.fullmatch(text):
        raise ValueError("must be a VAT number like 'DE123456789'")
    return text


_Text = Annotated[str, PlainValidator(_checked_text)]
_Country = Annotated[
    str,
    Field(pattern="^[A-Z]{2}$"),
    requirement("must be the code of a country, like 'DE'"),
]


class InvoicesTable(Table):
    """Table `[invoices]`: whoever writes it gets invoices for their orders."""

    first_day: StartOfDay
    name: _Text
    street: _Text
    postcode: _Text
    city: _Text
    country: _Country
    vat_id: Annotated[str, PlainValidator(_checked_vat_id)] | None = None
    tax_number: _Text | None = None
    tax_exemption: Annotated[str, PlainValidator(_checked_exemption)] = ""
    prefix: Annotated[str, PlainValidator(_checked_prefix)] = "INV"
    series: Annotated[SeriesMode, PlainValidator(_checked_mode)] = (
        SeriesMode.YEAR
    )

    @model_validator(mode="after")
    def _has_tax_id(self) -> Self:
        if self.vat_id is None and self.tax_number is None:
            raise ValueError("must have 'vat_id' or 'tax_number'")
        return self

    @property
    def rules(self) -> InvoiceRules:
        """The rules that it describes."""
        return InvoiceRules(
            Seller(
                self.name,
                self.street,
                self.postcode,
                self.city,
                self.country,
                self.vat_id or "",
                self.tax_number or "",
            ),
            self.first_day,
            self.prefix,
            self.series,
            self.tax_exemption,
        )
