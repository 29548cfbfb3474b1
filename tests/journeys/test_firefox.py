# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Listening in Firefox: play, seek, next, and browse on."""

from pathlib import Path

import pytest

from tests import firefox
from tests.optional_programs import require
from tests.polling import wait_until
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

_TOGGLE = "document.querySelector('[data-player-toggle]')"
_PLAYS = f"{_TOGGLE}.textContent === 'Pause' && (%s)"
_TITLE = "document.querySelector('[data-player-title]').textContent"
_TIME = "document.querySelector('[data-player-time]').textContent"
_POSITION = "document.querySelector('[data-player-progress]')"
_NEXT = "document.querySelector('[data-player-next]')"
_ESCAPE = "\ue00c"
_RIGHT = "\ue014"


def link(text: str) -> str:
    """Return an expression for a link with this text."""
    return (
        "[...document.links].find((each) =>"
        f" each.textContent.includes('{text}'))"
    )


@pytest.fixture(scope="session")
def program() -> str:
    """Path of this machine's Firefox."""
    found = firefox.find()
    require(
        "firefox", available=bool(found), reason="Firefox is not installed"
    )
    assert found
    return found


async def test_release_is_heard_while_the_visitor_browses(
    demo_store: StoreProcess, program: str, ffmpeg: str, tmp_path: Path
) -> None:
    assert ffmpeg
    async with firefox.open_window(
        program, tmp_path / "profile", 320, 640
    ) as window:
        await window.goto(f"{demo_store.url}/catalog")
        await window.click(link("Items May Have Shifted"))
        await window.wait_for("document.querySelector('.release')")
        await window.wait_for("document.querySelector('.player').hidden")
        await window.click("document.querySelector('[data-play-all]')")
        await window.wait_for(_PLAYS % f"{_TITLE} === 'Departure'")
        await window.wait_for(f"{_TIME} !== '0:00'")
        # The slider of the position, by the keyboard.
        await window.click(_TOGGLE)
        await window.wait_for(f"{_TOGGLE}.textContent === 'Play'")
        await window.evaluate(f"{_POSITION}.focus()")
        at = await window.evaluate(f"Number({_POSITION}.value)")
        await window.press(_RIGHT)
        await window.wait_for(f"{_POSITION}.value >= {at} + 90")
        await window.click(_TOGGLE)
        await window.wait_for(_PLAYS % f"{_TITLE} === 'Departure'")
        await window.click(_NEXT)
        await window.wait_for(_PLAYS % f"{_TITLE} === 'Hand Luggage'")
        await window.evaluate("(window.isTheSame = true)")
        await window.click(link("Catalog"))
        await window.wait_for("document.title === 'Catalog · MSRV'")
        await window.wait_for(_PLAYS % "window.isTheSame")
        await window.click(link("Minutes of the Last"))
        await window.wait_for("document.querySelector('.release')")
        await window.wait_for(_PLAYS % "window.isTheSame")
        assert await window.evaluate(
            "document.documentElement.scrollWidth <= innerWidth"
        )
        await window.press(_ESCAPE)
        await window.wait_for("document.querySelector('.player').hidden")
        assert window.errors == []
        # They would have been noticed.
        await window.evaluate(
            "document.body.setAttribute('style', 'color: red')"
        )
        await wait_until(lambda: window.errors)
        assert window.errors[0].startswith("Content-Security-Policy")
