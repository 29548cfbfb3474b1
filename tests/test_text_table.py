"""Counts and columns of plain text."""

from msrv.text_table import labelled, plural, table


def test_plural_depends_on_the_count() -> None:
    counts = (0, 1, 2, 1000)
    assert [plural(each, "item") for each in counts] == [
        "0 items",
        "1 item",
        "2 items",
        "1,000 items",
    ]


def test_table_columns_fit_their_longest_cell() -> None:
    rows = [("id", "price", "note"), ("night-bus", "7", ""), ("a", "10", "x")]
    assert table(rows, right={1}) == (
        "id         price  note\nnight-bus      7\na             10  x"
    )


def test_labelled_values_are_aligned() -> None:
    assert labelled(("order", "A"), ("", "B"), width=8) == (
        "order   A\n        B"
    )
