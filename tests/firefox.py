# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The Firefox that is installed here, driven by WebDriver BiDi.

Playwright drives builds of its own, and selenium needs geckodriver, which
Debian doesn't package; the protocol itself is JSON in a WebSocket.
https://www.w3.org/TR/webdriver-bidi/
"""

import asyncio
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

_NAMES: Final = ("firefox-esr", "firefox")
_LISTENING: Final = re.compile(rb"BiDi listening on (ws://\S+)")
START_SECONDS: Final = 60
SECONDS: Final = 20
_POLL_SECONDS: Final = 0.05
_PREFERENCES: Final = """
user_pref("network.proxy.type", 0);
user_pref("browser.startup.page", 0);
"""
_CENTRE: Final = """(() => {
  const element = %s;
  if (!element) return null;
  element.scrollIntoView({ block: "center" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return width && height ? [x + width / 2, y + height / 2] : null;
})()"""


def find() -> str | None:
    """Return the path of Firefox, None if it isn't installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@asynccontextmanager
async def open_window(
    program: str, profile: Path, width: int, height: int
) -> AsyncIterator["FirefoxWindow"]:
    """Start a headless Firefox with an empty profile; yield its window."""
    await asyncio.to_thread(_write_profile, profile)
    process = await asyncio.create_subprocess_exec(
        *(program, "--headless", "--no-remote", "--remote-debugging-port=0"),
        *("--profile", str(profile)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(profile)},
    )
    assert process.stderr is not None
    messages = process.stderr
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (found := _LISTENING.search(await messages.readline())):
                pass
        drained = asyncio.create_task(_drain(messages))
        address = f"{found[1].decode()}/session"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, max_msg_size=0) as socket,
            FirefoxWindow(socket) as window,
        ):
            await window.start(width, height)
            yield window
        await drained
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _write_profile(folder: Path) -> None:
    folder.mkdir()
    (folder / "user.js").write_text(_PREFERENCES, "ascii")


async def _drain(messages: asyncio.StreamReader) -> None:
    """Read what a process has to say, so that it doesn't wait for that."""
    while await messages.readline():
        pass


class FirefoxWindow:
    """One window, with the errors of its console.

    Violations of the Content-Security-Policy are among them. Elements are
    named by expressions of JavaScript.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""
        self.errors: list[str] = []

    async def __aenter__(self) -> Self:
        """Start to read replies and events."""
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the browser."""
        with suppress(ConnectionError, RuntimeError):
            await self._send("browser.close")
        await self._reading

    async def start(self, width: int, height: int) -> None:
        """Start a session that trusts any certificate, and open a window."""
        await self._send(
            "session.new",
            capabilities={"alwaysMatch": {"acceptInsecureCerts": True}},
        )
        await self._send("session.subscribe", events=["log.entryAdded"])
        tree = await self._send("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]
        await self._send(
            "browsingContext.setViewport",
            context=self._context,
            viewport={"width": width, "height": height},
        )

    async def goto(self, url: str) -> None:
        """Open an address, and wait until it is loaded."""
        await self._send(
            "browsingContext.navigate",
            context=self._context,
            url=url,
            wait="complete",
        )

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of an expression, by way of JSON."""
        reply = await self._send(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert reply["type"] == "success", reply["exceptionDetails"]["text"]
        return json.loads(reply["result"].get("value", "null"))

    async def wait_for(self, expression: str) -> None:
        """Wait until an expression is true. Raises TimeoutError."""
        try:
            async with asyncio.timeout(SECONDS):
                # Any change of a page may make it true: there is no event.
                while not await self.evaluate(  # noqa: ASYNC110
                    f"Boolean({expression})"
                ):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            message = f"never true: {expression}\n{self.errors}\n{text}"
            raise TimeoutError(message) from None

    async def click(self, element: str) -> None:
        """Click into the middle of an element, once it is displayed."""
        await self.wait_for(_CENTRE % element)
        x, y = await self.evaluate(_CENTRE % element)
        await self._perform(
            {
                "type": "pointer",
                "id": "mouse",
                "actions": [
                    {"type": "pointerMove", "x": int(x), "y": int(y)},
                    {"type": "pointerDown", "button": 0},
                    {"type": "pointerUp", "button": 0},
                ],
            }
        )

    async def press(self, key: str) -> None:
        """Press a key, by its code point in the WebDriver specification."""
        await self._perform(
            {
                "type": "key",
                "id": "keyboard",
                "actions": [
                    {"type": "keyDown", "value": key},
                    {"type": "keyUp", "value": key},
                ],
            }
        )

    async def _perform(self, actions: dict[str, Any]) -> None:
        await self._send(
            "input.performActions", context=self._context, actions=[actions]
        )

    async def _send(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command, and return its result. Raises RuntimeError."""
        number = next(self._numbers)
        reply = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        await self._socket.send_json(
            {"id": number, "method": method, "params": params}
        )
        async with asyncio.timeout(START_SECONDS):
            found: dict[str, Any] = await reply
        return found

    async def _read(self) -> None:
        """Pass replies on, and collect errors, until the connection ends."""
        async for message in self._socket:
            data = json.loads(message.data)
            reply = self._replies.pop(data.get("id"), None)
            if data["type"] == "event":
                entry = data["params"]
                if entry["level"] == "error":
                    self.errors.append(entry["text"])
            elif reply is not None and data["type"] == "success":
                reply.set_result(data["result"])
            elif reply is not None:
                reply.set_exception(RuntimeError(data["message"]))
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ConnectionError("Firefox has ended"))
