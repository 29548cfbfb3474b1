# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of a page in the browser: by axe, and beyond what it tests.

Those beyond it return what is wrong, one text for each place, and nothing for
a good page. By the success criteria of WCAG 2.2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_CHECKS: Final = (
    Path(__file__).with_suffix(".js").read_text("utf-8").rstrip(";\n")
)

RULES: Final = {
    "runOnly": [
        "wcag2a",
        "wcag2aa",
        "wcag21a",
        "wcag21aa",
        "wcag22aa",
        "best-practice",
    ],
    # What passes is listed with one node each, which takes half the time.
    "resultTypes": ["violations"],
}
"""Options of axe: its usual rules, and those that WCAG 2.2 added."""

TEXT_SPACING: Final = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }
"""
"""What a reader may set (1.4.12)."""


async def check_page(
    page: Page, *, scripts: bool = True, has_player: bool = False
) -> None:
    """Check a page's width, and by axe, which needs scripts, the rest.

    The player's bar covers what can be scrolled from under it, and axe takes
    that for a small target (2.5.8).
    """
    # Nothing to scroll sideways (1.4.10).
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size is not None
    assert width <= page.viewport_size["width"], page.url
    if scripts:
        rules = {"target-size": {"enabled": not has_player}}
        found = await Axe().run(page, options={**RULES, "rules": rules})
        assert found.violations_count == 0, (
            page.url,
            found.generate_report(),
        )


async def low_contrast(page: Page) -> list[str]:
    """Return the texts below a contrast of 4.5, or 3 for large ones."""
    return list(await _run(page, "lowContrast()"))


async def misnamed(page: Page) -> list[str]:
    """Return controls whose names don't serve speech and screen readers.

    A name begins with the visible text (2.5.3), and two controls of one name
    do the same (2.4.4).
    """
    controls: Sequence[dict[str, Any]] = await _run(page, "controls()")
    assert controls
    wrong = [
        f"{each['visible']!r} is named {each['name']!r}"
        for each in controls
        if not each["name"] or not each["name"].startswith(each["visible"])
    ]
    by_name: dict[str, set[str]] = {}
    for each in controls:
        if each["inMain"]:
            by_name.setdefault(each["name"], set()).add(each["does"])
    return wrong + [
        f"{name!r} is {len(does)} things: {sorted(does)}"
        for name, does in by_name.items()
        if len(does) > 1
    ]


async def hidden_focus(page: Page, presses: int) -> list[str]:
    """Press Tab repeatedly; return what had the focus unseen (2.4.11)."""
    wrong = []
    for _ in range(presses):
        await page.keyboard.press("Tab")
        wrong.append(await _run(page, "obscured()"))
    return [each for each in wrong if each]


async def overflow(page: Page) -> list[str]:
    """Return how far a page scrolls sideways, and texts that are cut off."""
    wide = await page.evaluate(
        "document.documentElement.scrollWidth - innerWidth"
    )
    wrong = [f"{wide} px too wide"] if wide > 0 else []
    return wrong + list(await _run(page, "clipped()"))


async def narrow_titles(page: Page, letters: int) -> list[str]:
    """Return the titles with fewer letters in a line than `letters`."""
    return list(await _run(page, f"narrow({letters})"))


async def _run(page: Page, call: str) -> Any:  # noqa: ANN401 - JSON
    return await page.evaluate(f"{_CHECKS}.{call}")
