# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lists of buyers: which columns and rows are read, and what is refused."""

import contextlib
import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.orders.grants import buyer_list
from msrv.orders.grants.buyer_list import (
    Buyer,
    BuyerList,
    InvalidBuyerList,
    ListCounts,
)

BANDCAMP = (
    "date,paid to,item type,item name,artist,currency,item price,quantity,"
    "item total,net amount,bandcamp transaction id,package,buyer name,"
    "buyer email\r\n"
    "1/3/26 10:12am,,album,Night Bus,The Wet Coats,EUR,7,1,7,6,4027001,"
    'digital download,"Lee, Ann",Ann@Example.org\r\n'
    "1/4/26 9:00am,,track,Umbrella,The Wet Coats,EUR,1,1,1,1,4027002,"
    "digital download,Bob,bob@example.org\r\n"
    "1/5/26 9:00am,,payout,,,EUR,,,,-12,,,,\r\n"
    "1/6/26 9:00am,,refund,Night Bus,The Wet Coats,EUR,,,,-7,4027009,,Cy,"
    "cy@example.org\r\n"
)


def read(
    text: str | bytes, *items: str, encoding: str = "utf-8"
) -> tuple[list[Buyer], ListCounts]:
    """Return the buyers of a list, and its counts."""
    data = text if isinstance(text, bytes) else text.encode(encoding)
    found = BuyerList(io.BytesIO(data), "buyers.csv", items)
    counts = found.check()
    return list(found), counts


def refused(text: str | bytes, *items: str) -> list[str]:
    """Return the problems of a list that is refused."""
    with pytest.raises(InvalidBuyerList) as raised:
        read(text, *items)
    return [str(each) for each in raised.value.problems]


def addresses_in(text: str | bytes, **options: str) -> list[str]:
    return [each.address for each in read(text, **options)[0]]


@pytest.mark.parametrize(
    "header",
    [
        "email",
        "E-Mail",
        " Buyer_Email ",
        '"Email Address"',
        "EMAIL ADDRESS",
        "customer email",
    ],
)
def test_column_of_addresses_is_found(header: str) -> None:
    assert addresses_in(f"{header}\nann@example.org\n") == ["ann@example.org"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_and_line_ends(separator: str, end: str) -> None:
    rows = [
        ["Name", "Email", "Order"],
        ["Ann", "ann@example.org", "7"],
        ["", "", ""],
    ]
    text = end.join(separator.join(row) for row in rows)
    (buyer,), _ = read(text)
    assert buyer == Buyer(2, "ann@example.org", "Ann", "7")


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"],
)
def test_encodings(encoding: str) -> None:
    text = "email,name\nann@example.org,Zoë 🎸\n"
    (buyer,), _ = read(text, encoding=encoding)
    assert (buyer.address, buyer.name) == ("ann@example.org", "Zoë 🎸")


def test_separator_line_of_excel_is_used() -> None:
    (buyer,), _ = read('"sep=;"\nemail;name\nann@example.org;A,B\n')
    assert (buyer.line, buyer.name) == (3, "A,B")


def test_bandcamp_report_is_read_as_it_is() -> None:
    found = BuyerList(
        io.BytesIO(BANDCAMP.encode("utf-16")), "x.csv", ["night  BUS"]
    )
    counts = found.check()
    assert found.is_of_bandcamp
    assert list(found) == [Buyer(2, "Ann@Example.org", "Lee, Ann", "4027001")]
    assert (counts.buyers, counts.other_items, counts.no_purchases) == (
        1,
        1,
        2,
    )


def test_report_about_other_items_names_them() -> None:
    (problem,) = refused(BANDCAMP, "Second Bus")
    assert "'Night Bus', 'Umbrella'" in problem
    assert "--item" in problem


def test_repeated_rows_are_counted_once() -> None:
    text = (
        "email,order\nann@example.org,1\nANN@example.org,1\n"
        "ann+shop@example.org,1\nann@example.org,2\n"
    )
    buyers, counts = read(text)
    assert [each.reference for each in buyers] == ["1", "2"]
    assert counts.repeated == 2


def test_every_bad_row_is_named_with_its_line() -> None:
    problems = refused(
        'email,name\nann,"a\nb"\n,Bob\nok@example.org,Cy\nx@y,\n'
        "d@example.org,D,extra\n"
    )
    assert problems == [
        "buyers.csv:3: 'ann' is not a mail address",
        "buyers.csv:4: has no address",
        "buyers.csv:6: 'x@y' is not a mail address",
        (
            "buyers.csv:7: has 3 cells, but the first line names 2 columns: "
            "is a quotation mark missing?"
        ),
    ]


def test_many_bad_rows_are_counted() -> None:
    with pytest.raises(InvalidBuyerList) as raised:
        read("email\n" + "bad\n" * 1000)
    assert len(raised.value.problems) == buyer_list.MAX_PROBLEMS
    assert raised.value.count == 1000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "buyers.csv:1: must name the columns, one of them 'email'"),
        ("ann@example.org\n", "must name the columns, one of them 'email'"),
        ("email\n", "buyers.csv: has no buyers"),
        ("email\n\n\n", "has no buyers"),
        ('email\n"ann@example.org\n', ":2: is not valid CSV: unexpected end"),
        ('email\n"a"b@example.org\n', "is not valid CSV"),
        (b"email\nann@example.org\n\xff@example.org\n", ":3: is not UTF-8"),
        (
            b"email\n" + b"a@example.org\n" * 5000 + b"\xff@example.org\n",
            ":5002: is not UTF-8",
        ),
        (b"\xff\xfee\0m\0a\0i\0l\0\n\0a", "buyers.csv: is not UTF-16"),
        ("email\n,a\n", "names 1 column: is a quotation mark missing?"),
        (b"email\n\0\n", "is not a mail address"),
        ("email\n" + "a" * 200_000, "field larger than field limit"),
        ("email\na@example.org\x1b[31m\n", r"a@example.org\x1b[31m"),
    ],
)
def test_unusable_list_has_a_clear_problem(
    text: str | bytes, problem: str
) -> None:
    assert problem in refused(text)[0]


def test_list_with_too_many_buyers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buyer_list, "MAX_BUYERS", 2)
    text = "email\n" + "".join(f"a{n}@example.org\n" for n in range(3))
    assert "has over 2 buyers: split it" in refused(text)[0]


@pytest.mark.slow
def test_long_list_is_not_held_in_memory() -> None:
    """Sixteen bytes a row are kept, to find repetitions."""
    padding = "x" * 1000
    text = "email,note\n" + "".join(
        f"a{n}@example.org,{padding}\n" for n in range(20_000)
    )
    file = io.BytesIO(text.encode())
    tracemalloc.start()
    found = BuyerList(file, "x", ())
    assert sum(1 for _ in found) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(text) / 4


def test_list_that_changed_after_its_check_is_refused() -> None:
    file = io.BytesIO(b"email\nann@example.org\n")
    found = BuyerList(file, "x", ())
    found.check()
    file.seek(0)
    file.write(b"email\nann@example,org")
    with pytest.raises(InvalidBuyerList):
        list(found)


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_any_text_in_other_cells_is_harmless(
    cells: list[tuple[str, str]],
) -> None:
    """What a spreadsheet wrote is read back, whatever people typed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["email", "name", "order"])
    for number, (name, order) in enumerate(cells):
        writer.writerow([f"a{number}@example.org", name, order])
    data = out.getvalue().encode("utf-8", "replace")
    buyers, _ = read(data)
    assert [each.address for each in buyers] == [
        f"a{number}@example.org" for number in range(len(cells))
    ]
    for each in buyers:
        assert "\n" not in each.name + each.reference


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    start = b"email,name\nann@example.org,"
    for text in (data, b"email\n" + data, b"\xff\xfe" + data, start + data):
        with contextlib.suppress(InvalidBuyerList):
            read(text)
