# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys of `store.toml` that say how the store looks."""

import pytest

from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import ShopLink
from msrv.toml_file import InvalidConfig


def test_appearance_is_parsed() -> None:
    shop = parse_store(
        "store.toml",
        'theme = "paper"\norder = "title"\nfeatured = ["b", "a", "b"]\n'
        'links = ["https://www.mastodon.example/@band"]\n',
    ).shop
    assert (shop.theme, shop.order) == ("paper", "title")
    assert shop.featured == ("b", "a")
    assert shop.links == (
        ShopLink("mastodon.example", "https://www.mastodon.example/@band"),
    )


def test_links_can_have_labels() -> None:
    toml = '[links]\n"Our  label" = "https://label.example/a?b=1"\n'
    assert parse_store("store.toml", toml).shop.links == (
        ShopLink("Our label", "https://label.example/a?b=1"),
    )


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('theme = "bright"', "'theme' must be 'loud', 'quiet' or 'paper'"),
        ("theme = 3", "'theme' must be 'loud', 'quiet' or 'paper'"),
        ('order = "price"', "'order' must be 'newest', 'title', 'artist', or"),
        ("order = []", "'order' must be 'newest', 'title', 'artist', or"),
        ('order = ["Ä"]', "'order' must be 'newest', 'title', 'artist', or"),
        ('featured = "a"', "'featured' must be a list of releases' ids"),
        ("featured = [1]", "'featured' must be a list of releases' ids"),
        ('links = "https://a.example"', "'links' must be a list of addresses"),
        ("links = [7]", "begin with 'https://', not 7"),
        ('links = ["http://a.example"]', "not 'http://a.example'"),
        ('links = ["javascript:alert(1)"]', "not 'javascript:alert(1)'"),
        ('links = ["https://"]', "not 'https://'"),
        ('links = ["https://me:pw@a.example"]', "begin with 'https://'"),
        ('links = ["https://a.example:x"]', "begin with 'https://'"),
        ('links = ["https://a.example/\\" x"]', "begin with 'https://'"),
        (f"links = {['https://a.example'] * 13}", "can have up to 12 links"),
    ],
)
def test_invalid_value_is_a_problem_with_its_line(
    toml: str, message: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_store("store.toml", f'name = "A"\n{toml}\n')
    (problem,) = caught.value.problems
    assert message in problem.what
    assert problem.line == 2
