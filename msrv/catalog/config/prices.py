"""A price as a seller says it: fixed, or the buyer's from a minimum on.

Contradictions are problems, like any other in the file: a seller must not
sell at another price than they meant.
"""

from collections.abc import Callable
from typing import Any

from msrv.money import Money
from msrv.toml_file import Table


def read_price(
    table: Table, as_money: Callable[[Any], Money], prefix: str = ""
) -> tuple[Money | None, Money | None]:
    """Read `price`, or `minimum` and `suggested`: the price, the minimum.

    With a minimum the buyer sets the price; the first of the two is then what
    is suggested. None where nothing is said. What is wrong is noted in the
    table's document.
    """
    price = table.take(f"{prefix}price", as_money)
    minimum = table.take(f"{prefix}minimum", as_money)
    suggested = table.take(f"{prefix}suggested", as_money)

    def complain(what: str) -> None:
        table.document.complain(table.path, f"{prefix}suggested", what)

    if f"{prefix}minimum" not in table.data:
        if suggested is not None:
            complain(f"needs a '{prefix}minimum'")
        return price, None
    if minimum is None:
        return None, None
    if price is not None:
        table.document.complain(
            table.path,
            f"{prefix}price",
            f"is fixed, and '{prefix}minimum' lets the buyer set it: "
            "keep one of them",
        )
    if suggested is not None and suggested.minor < minimum.minor:
        complain(f"must be '{prefix}minimum' or more")
    return suggested or minimum, minimum
