"""Reading cookies: ours, whatever else is sent."""

import pytest

from tests.conftest import Client

JSON = {"Accept": "application/json"}


@pytest.mark.parametrize(
    "header",
    [
        "cart=departure",
        " cart = departure ;",
        "a=1; cart=departure; b",
        "a=1;cart=departure;b=2",
        ";;;=;cart=departure",
        'x="a;b"; cart=departure',
        "cart=wrong-stop; cart=departure",
        "a=1; " * 1000 + "cart=departure",
    ],
)
async def test_the_cart_is_found_among_other_cookies(
    store: Client, header: str
) -> None:
    """A cookie of another program on the host empties the cart."""
    answer = await store.get("/cart", headers={**JSON, "Cookie": header})
    items = (await answer.json())["items"]
    assert [each["item_id"] for each in items] == ["departure"]
