# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Page of fifty rows, as a framework's user would write it.

Apart, since several frameworks render it, and one has an environment without
the store's packages.
"""

from typing import Final

ROWS: Final = 50
TITLE: Final = "Fifty tracks"
PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title>
<link rel="stylesheet" href="/store.css"></head>
<body>
<header><a href="/">Store</a><nav><a href="/catalog">Catalog</a></nav></header>
<main><h1>{{ title }}</h1>
<ol class="tracks">
{% for row in rows %}
  <li class="track">
  <span class="number">{{ "%02d" | format(row.number) }}</span>
  <a href="/previews/{{ row.item_id }}">{{ row.title }}</a>
  <span class="length">{{ row.length }}</span>
  <form class="add" method="post" action="/cart">
  <input type="hidden" name="back" value="/page">
  <button name="add" value="{{ row.item_id }}">{{ row.price }}</button>
  </form></li>
{% endfor %}
</ol></main>
<footer><a href="/about">About</a></footer>
</body>
</html>
"""
"""Jinja template of a release of ROWS tracks.

It has less on it than a page of the store.
"""


def rows() -> list[dict[str, int | str]]:
    """Return what each row shows, made for each request."""
    return [
        {
            "number": number,
            "item_id": f"track-{number}",
            "title": f"Track <{number}>",
            "length": "3:45",
            "price": "€1.00",
        }
        for number in range(1, ROWS + 1)
    ]
