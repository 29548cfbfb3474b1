# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices and credit notes as values, and their JSON form in the database.

A document has everything that it states, also the seller's address of that
day: later changes of the library, of `store.toml` and of the order change
nothing in it. No name and no address of a buyer is in it.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from msrv.catalog.details.invoicing import Seller
from msrv.proofs.orders import MAX_TIME, check_number

_MAX_MINOR: Final = 2**53


class DocumentKind(StrEnum):
    """Kind of a document.

    A RENEWED invoice charges again what a credit note had credited, because
    the refund failed or was undone.
    """

    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"
    RENEWED = "renewed"


class TaxBasis(StrEnum):
    """Reason for the tax of a document, or for its absence.

    UNKNOWN where nobody calculated it, and the document states none.
    """

    CHARGED = "charged"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse-charge"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """Item of a document; amounts are in minor units, and never negative.

    `gross_minor` has the tax in it, `tax_minor` is 0 where none is known.
    """

    item_id: str
    title: str
    gross_minor: int
    tax_minor: int

    @property
    def net_minor(self) -> int:
        """Amount without the tax."""
        return self.gross_minor - self.tax_minor


@dataclass(frozen=True, slots=True)
class Document:
    """Invoice or credit note, before it has its number.

    `position` is 0 for an order's invoice, and counts what follows. Times are
    in Unix seconds: `sold_at` is that of the supply. `country` is the buyer's,
    empty if it isn't known, `rate_bp` the rate of the tax in basis points,
    None if it isn't known. `are_gross` is true where prices include the tax.
    `exemption` is the seller's reason for charging none. `corrects` is the
    number of the invoice that this document corrects, empty for an invoice.
    """

    order_id: str
    position: int
    kind: DocumentKind
    issued_at: int
    sold_at: int
    provider: str
    currency: str
    country: str
    lines: tuple[DocumentLine, ...]
    seller: Seller
    basis: TaxBasis = TaxBasis.UNKNOWN
    rate_bp: int | None = None
    are_gross: bool = True
    exemption: str = ""
    corrects: str = ""

    @property
    def gross_minor(self) -> int:
        """Sum with tax, in minor units."""
        return sum(line.gross_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        """Sum of the tax, in minor units; 0 where it isn't known."""
        return sum(line.tax_minor for line in self.lines)

    @property
    def net_minor(self) -> int:
        """Sum without tax, in minor units."""
        return self.gross_minor - self.tax_minor

    @property
    def sign(self) -> int:
        """-1 for a credit note, else 1: to add up documents."""
        return -1 if self.kind is DocumentKind.CREDIT_NOTE else 1


@dataclass(frozen=True, slots=True)
class NumberedDocument:
    """Document with its number in a series."""

    series: str
    number: int
    document: Document

    @property
    def name(self) -> str:
        """Number as it is written, like `INV-2026-00017`."""
        return document_name(self.series, self.number)

    @property
    def issued_at(self) -> int:
        """Time of the document, in Unix seconds."""
        return self.document.issued_at

    @property
    def order_id(self) -> str:
        """Order of the document."""
        return self.document.order_id


@dataclass(frozen=True, slots=True)
class UnreadableDocument:
    """Document whose content can't be read, but its number is known.

    Of a newer version, or damaged. `issued_at` is in Unix seconds.
    """

    series: str
    number: int
    order_id: str
    issued_at: int

    @property
    def name(self) -> str:
        """Number as it is written, like `INV-2026-00017`."""
        return document_name(self.series, self.number)


ListedDocument = NumberedDocument | UnreadableDocument


def document_name(series: str, number: int) -> str:
    """Return the number of a document as it is written."""
    return f"{series}-{number:05d}"


def document_to_json(document: Document) -> str:
    """Return a document as JSON."""
    fields = {
        each.name: getattr(document, each.name)
        for each in dataclasses.fields(document)
    }
    fields["lines"] = [dataclasses.astuple(each) for each in document.lines]
    fields["seller"] = dataclasses.asdict(document.seller)
    return json.dumps(fields, separators=(",", ":"))


def document_from_json(text: str) -> Document:
    """Parse the result of `document_to_json`.

    Members that a newer version adds are ignored. Raises ValueError.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
        known = _known(Document, fields)
        known["kind"] = DocumentKind(fields["kind"])
        known["basis"] = TaxBasis(fields["basis"])
        known["seller"] = Seller(**_known(Seller, fields["seller"]))
        known["lines"] = _lines(fields["lines"])
        for name in ("issued_at", "sold_at"):
            check_number(fields[name], MAX_TIME)
        return Document(**known)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a document") from error


def _lines(rows: Sequence[Sequence[Any]]) -> tuple[DocumentLine, ...]:
    """Return the lines of a document. Raises TypeError, ValueError."""
    count = len(dataclasses.fields(DocumentLine))
    lines = tuple(DocumentLine(*row[:count]) for row in rows)
    for each in lines:
        for minor in (each.gross_minor, each.tax_minor):
            check_number(minor, _MAX_MINOR)
    return lines


def _known(kind: type[Any], fields: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: value for name, value in fields.items() if name in names}
