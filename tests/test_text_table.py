# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Plurals, and columns of plain text."""

from msrv.text_table import labelled, plural, table


def test_plural_depends_on_the_count() -> None:
    counts = (0, 1, 2, 1000)
    assert [plural(each, "item") for each in counts] == [
        "0 items",
        "1 item",
        "2 items",
        "1,000 items",
    ]


def test_plural_of_a_noun_in_y() -> None:
    assert plural(1, "delivery") == "1 delivery"
    assert plural(2, "delivery") == "2 deliveries"
    assert plural(2, "day") == "2 days"


def test_table_columns_fit_their_longest_cell() -> None:
    rows = [("id", "price", "note"), ("night-bus", "7", ""), ("a", "10", "x")]
    assert table(rows, right={1}) == (
        "id         price  note\nnight-bus      7\na             10  x"
    )


def test_labelled_values_are_aligned() -> None:
    assert labelled(("order", "A"), ("", "B"), width=8) == (
        "order   A\n        B"
    )
