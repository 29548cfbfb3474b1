# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lists of former buyers: CSV files of shops, mailing lists and spreadsheets.

Columns are found by the names in the first line. A list is read row by row,
however large it is, and checked as a whole before anything is done with it:
either all of its rows are good, or each bad one is named.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from msrv.display_text import clean_line, fold_name, printable
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.text_table import plural
from msrv.toml_file import Problem

MAX_BUYERS: Final = 1_000_000
"""A longer list has to be split: its rows are compared in memory."""
MAX_PROBLEMS: Final = 20
"""Number of bad rows that are named; the others are counted."""
_MAX_NAMED_ITEMS: Final = 5
_REFERENCE_CHARS: Final = 100
_QUOTED_CHARS: Final = 60

# In order of preference. Bandcamp's sales report has the columns `buyer
# email`, `buyer name`, `bandcamp transaction id`, `item name` and `item
# type`, and is in UTF-16; its mailing list has `email` and `fullname`.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "address": (
        *("buyer email", "customer email", "email", "e mail"),
        *("email address", "e mail address", "mail", "contact email"),
    ),
    "name": (
        *("buyer name", "customer name", "name", "full name", "fullname"),
    ),
    "reference": (
        *("bandcamp transaction id", "reference", "order", "order id"),
        *("order number", "order reference", "transaction id"),
    ),
    "item": ("item name",),
    "kind": ("item type",),
}
_BANDCAMP: Final = "bandcamp transaction id"
_NO_PURCHASE: Final = re.compile("payout|refund|reversal|chargeback")
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?')


class InvalidBuyerList(Exception):
    """A list that can't be used; `problems` are the first of its reasons."""

    def __init__(self, problems: list[Problem], count: int) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems
        self.count = count


@dataclass(frozen=True, slots=True)
class Buyer:
    """One row: an address, and what else is known of a purchase.

    `name` and `reference` may be empty.
    """

    line: int
    address: str
    name: str
    reference: str


@dataclass(slots=True)
class ListCounts:
    """Numbers of rows of a list, by what they are."""

    buyers: int = 0
    repeated: int = 0
    no_purchases: int = 0
    other_items: int = 0
    other_names: dict[str, None] = field(default_factory=dict)


class BuyerList:
    """List of buyers in a binary file that can be read repeatedly.

    `where` is its name in problems. `items` are the names of what the list
    has to be about, if it has a column for that; other rows are left out.
    Raises InvalidBuyerList.
    """

    def __init__(
        self, file: BinaryIO, where: str, items: Collection[str]
    ) -> None:
        self._file = file
        self._where = printable(where)
        self._items = frozenset(map(fold_name, items))
        self._encoding = self._find_encoding()
        self._separator, self._columns, self._width = self._read_header()

    @property
    def is_of_bandcamp(self) -> bool:
        """True for a sales report of Bandcamp."""
        return self._columns.get(_BANDCAMP) is not None

    @property
    def names_items(self) -> bool:
        """True if there is a column for what was bought."""
        return "item" in self._columns

    def check(self) -> ListCounts:
        """Read the whole list, and count its rows. Blocks.

        Raises InvalidBuyerList with all problems.
        """
        counts = ListCounts()
        problems: list[Problem] = []
        bad = 0
        for each in self._rows(counts):
            if isinstance(each, Problem):
                bad += 1
                problems += [each] if len(problems) < MAX_PROBLEMS else []
            else:
                counts.buyers += 1
            if counts.buyers > MAX_BUYERS:
                problems.append(
                    self._problem(
                        None, f"has over {MAX_BUYERS:,} buyers: split it"
                    )
                )
                bad += 1
                break
        if not bad and not counts.buyers:
            problems.append(self._problem(None, self._why_empty(counts)))
            bad = 1
        if bad:
            raise InvalidBuyerList(problems, bad)
        return counts

    def __iter__(self) -> Iterator[Buyer]:
        """Yield the buyers of a list that was checked. Blocks.

        Raises InvalidBuyerList if the file has changed since.
        """
        for each in self._rows(ListCounts()):
            if isinstance(each, Problem):
                raise InvalidBuyerList([each], 1)
            yield each

    def _rows(self, counts: ListCounts) -> Iterator[Buyer | Problem]:
        """Yield each buyer once, and each bad row; count the others."""
        seen: set[bytes] = set()
        for each in self._read_rows():
            if isinstance(each, Problem):
                yield each
                return
            line, row = each
            if not any(map(str.strip, row)):
                continue
            if _NO_PURCHASE.search(self._cell(row, "kind").casefold()):
                counts.no_purchases += 1
                continue
            item = self._cell(row, "item")
            if self.names_items and fold_name(item) not in self._items:
                counts.other_items += 1
                if len(counts.other_names) < _MAX_NAMED_ITEMS:
                    counts.other_names[clean_line(item, _QUOTED_CHARS)] = None
                continue
            buyer = self._parse_row(line, row)
            if isinstance(buyer, Buyer):
                key = _key(buyer)
                if key in seen:
                    counts.repeated += 1
                    continue
                seen.add(key)
            yield buyer

    def _parse_row(self, line: int, row: list[str]) -> Buyer | Problem:
        if any(map(str.strip, row[self._width :])):
            return self._problem(
                line,
                f"has {len(row)} cells, but the first line names "
                f"{plural(self._width, 'column')}: is a quotation mark "
                "missing?",
            )
        stated = self._cell(row, "address")
        if not stated:
            return self._problem(line, "has no address")
        try:
            address = addresses.parse(stated)
        except BadAddress as error:
            quoted = printable(stated[:_QUOTED_CHARS])
            return self._problem(line, f"'{quoted}' is {error}")
        return Buyer(
            line,
            address,
            clean_line(self._cell(row, "name")),
            clean_line(self._cell(row, "reference"), _REFERENCE_CHARS),
        )

    def _cell(self, row: list[str], name: str) -> str:
        at = self._columns.get(name)
        return row[at].strip() if at is not None and at < len(row) else ""

    def _read_rows(self) -> Iterator[tuple[int, list[str]] | Problem]:
        """Yield the lines and cells after the header.

        The last may be, instead, the reason why reading ended early.
        """
        with self._open() as text:
            reader = csv.reader(text, delimiter=self._separator, strict=True)
            above = self._header_line
            try:
                for _ in range(above):
                    text.readline()
                for row in reader:
                    yield above + reader.line_num, row
            except csv.Error as error:
                yield self._problem(
                    above + reader.line_num, f"is not valid CSV: {error}"
                )
            except UnicodeError:
                yield self._not_text()

    def _read_header(self) -> tuple[str, dict[str, int], int]:
        """Return the separator, the places of the columns, and their number.

        Raises InvalidBuyerList.
        """
        separator, self._header_line = "", 1
        with self._open() as text:
            try:
                line = text.readline(1 << 16).strip("\r\n")
                stated = _SEPARATOR.fullmatch(line)
                if stated is not None:
                    separator, self._header_line = stated[1], 2
                    line = text.readline(1 << 16).strip("\r\n")
            except UnicodeError:
                raise InvalidBuyerList([self._not_text()], 1) from None
        separator = separator or max(",;\t", key=line.count)
        try:
            row = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            row = []
        names = [_column_name(each) for each in row]
        columns = {}
        for what, known in _NAMES.items():
            at = [names.index(each) for each in known if each in names]
            if at:
                columns[what] = at[0]
        if _BANDCAMP in names:
            columns[_BANDCAMP] = names.index(_BANDCAMP)
        if "address" not in columns:
            listed = ", ".join(printable(each) for each in row if each)
            raise self._invalid(
                self._header_line,
                "must name the columns, one of them 'email'; it has "
                f"{listed[:200]!r}",
            )
        return separator, columns, len(row)

    def _find_encoding(self) -> str:
        """Return the encoding by the file's first bytes."""
        self._file.seek(0)
        start = self._file.read(4)
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        # Without a mark: the first letter of a column's name is ASCII.
        if start[1:2] == b"\0":
            return "utf-16-le"
        return "utf-16-be" if start[:1] == b"\0" else "utf-8"

    def _open(self) -> "_Text":
        self._file.seek(0)
        return _Text(self._file, self._encoding)

    def _why_empty(self, counts: ListCounts) -> str:
        if not counts.other_items:
            return "has no buyers"
        named = ", ".join(repr(each) for each in counts.other_names)
        return (
            "has no buyers of this release; its items are called "
            f"{named}: choose one with --item"
        )

    def _not_text(self) -> Problem:
        return self._problem(
            self._line_that_is_not_text(),
            f"is not {self._encoding.upper()}: save the file as UTF-8",
        )

    def _problem(self, line: int | None, what: str) -> Problem:
        return Problem(self._where, line, what)

    def _line_that_is_not_text(self) -> int | None:
        """Return the number of the first one, None if it isn't known.

        Text is decoded in blocks, which end after it.
        """
        if not self._encoding.startswith("utf-8"):
            return None
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
        return None

    def _invalid(self, line: int, what: str) -> InvalidBuyerList:
        return InvalidBuyerList([self._problem(line, what)], 1)


class _Text(io.TextIOWrapper):
    """Text of a file that stays open when the text is closed."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__(file, encoding=encoding, newline="")

    def __exit__(self, *_: object) -> None:
        self.detach()


def _column_name(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


def _key(buyer: Buyer) -> bytes:
    """Return a short key of the purchase, equal for rows that repeat it."""
    mailbox = addresses.mailbox_key(buyer.address)
    stated = f"{buyer.reference}\0{mailbox}".encode("utf-8", "replace")
    return hashlib.blake2b(stated, digest_size=16).digest()
