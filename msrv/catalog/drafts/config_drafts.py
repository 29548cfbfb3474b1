# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts of a new `store.toml` and of a new `release.toml`.

What is known is set; what else could be set is a comment, so that a seller
edits a line and looks nothing up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msrv.catalog.config.fields import is_date
from msrv.catalog.drafts.toml_text import quoted
from msrv.display_text import clean_line
from msrv.money import Money, exponent_of

_MAX_FILES: Final = 3
"""Number of files that a draft has commented tables for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDraft:
    """Known facts of a new release, and its `release.toml`.

    Texts may be any; those that are empty, or no date, are left to the
    seller. `release_id` is the id that the folder's path gives it. `files`
    are names of files in the folder. `price` is that of the whole release,
    or of a file, if there is only one.
    """

    title: str
    artist: str = ""
    date: str = ""
    currency: str
    release_id: str
    price: Money | None = None
    files: Sequence[str] = ()

    def to_toml(self) -> str:
        """Return the text of the `release.toml`."""
        title, artist = clean_line(self.title), clean_line(self.artist)
        date = self.date if is_date(self.date) else ""
        usual = quoted(_amount(7, self.currency).decimal)
        price = usual if self.price is None else quoted(self.price.decimal)
        each = quoted(_amount(1, self.currency).decimal)
        lines = [
            "# What this release is called, and what it costs.",
            "# A line that starts with # has no effect. Without a file of its",
            "# own, everything is read from the tags and names of the files.",
            "",
            _setting("title", quoted(title), is_set=bool(title)),
            _setting("artist", quoted(artist), is_set=bool(artist)),
            _setting("date", quoted(date or "2026-03-06"), is_set=bool(date)),
            '# description = """',
            "# As many lines as you like.",
            '# """',
            "",
            f"# The price of the whole release, in {self.currency}.",
            _setting("price", price, is_set=self.price is not None),
            '# The price of each file in it; "0" is free.',
            f"# item_price = {each}",
            "# Instead of a price: the buyer decides, from a minimum on.",
            f"# minimum = {each}",
            f"# suggested = {usual}",
            "",
            "# Its kind, unless it is what the files suggest, and its tags.",
            '# kind = "ep"',
            '# tags = ["dub", "live"]',
            "",
            "# Withdrawn: buyers keep it, and nobody else sees it.",
            "# hidden = true",
            "# Its name in links. Set it before you rename the folder.",
            f"# id = {quoted(self.release_id)}",
        ]
        names = list(self.files[:_MAX_FILES]) or ["01 Departure.flac"]
        lines += ["", "# A title or a price of a single file:"]
        for name in names:
            lines += [f"# [items.{quoted(name)}]", '# price = "0"']
        return "\n".join(lines) + "\n"


def store_toml(name: str, currency: str) -> str:
    """Return the text of a new `store.toml`."""
    item, release = _amount(1, currency), _amount(7, currency)
    return "\n".join(
        (
            "# The store: what it is called, and what things cost in it.",
            "# A line that starts with # has no effect.",
            "",
            f"name = {quoted(clean_line(name))}",
            '# tagline = "Songs about weather"',
            "# An address at which buyers can reach you:",
            '# contact = "hello@example.org"',
            f"currency = {quoted(currency)}",
            "# The language of the store, where it isn't available in the",
            "# visitor's:",
            '# language = "en"',
            "# The colour of buttons and links:",
            '# accent = "#ff3b30"',
            "",
            "# Prices for what states none in its release.toml.",
            "[prices]",
            f"item = {quoted(item.decimal)}",
            f"# release = {quoted(release.decimal)}",
            "",
        )
    )


def _setting(key: str, value: str, *, is_set: bool) -> str:
    return f"{key} = {value}" if is_set else f"# {key} = {value}"


def _amount(units: int, currency: str) -> Money:
    """Return a usual price: `units` of a currency of hundredths.

    Currencies without decimals have larger numbers.
    """
    exponent = exponent_of(currency)
    factor: int = 10**exponent if exponent else 100
    return Money(units * factor, currency)
