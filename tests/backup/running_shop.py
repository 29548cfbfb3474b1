# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shop process with a small library, and buyers who pay in it."""

import contextlib
import http.client
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.store_process import StoreProcess, free_port, launch_store
from tests.wav_files import write_wav

UNAVAILABLE = (OSError, http.client.HTTPException)
_SECONDS = 60


def make_library(folder: Path) -> Path:
    """Create a library: an album of two songs, and a book."""
    album = folder / "Night Bus"
    write_wav(album / "01 Departure.wav", pitch=220)
    write_wav(album / "02 Wrong Stop.wav", pitch=330)
    (album / "release.toml").write_text(
        'id = "night-bus"\ntitle = "Night Bus"\nartist = "The Wet Coats"\n'
        'price = "7.00"\nitem_price = "1.00"\n'
        '[items."01 Departure.wav"]\nid = "departure"\n'
        '[items."02 Wrong Stop.wav"]\nid = "wrong-stop"\n'
    )
    book = folder / "Zine"
    book.mkdir()
    (book / "zine.pdf").write_bytes(b"%PDF-1.4 " + bytes(5000) + b"%%EOF")
    (book / "release.toml").write_text(
        'id = "zine-issue"\ntitle = "Zine"\n'
        '[items."zine.pdf"]\nid = "zine"\nprice = "2.00"\n'
    )
    return folder


@dataclass
class Shop:
    """Store process in a folder; it can be killed and started again."""

    folder: Path
    database: str | None = None
    port: int = field(default_factory=free_port)
    store: StoreProcess = field(init=False)
    starts: int = 0

    def start(self) -> Self:
        self.starts += 1
        log = self.folder / f"start-{self.starts}"
        log.mkdir(parents=True)
        environ = {"MSRV_DATABASE": self.database} if self.database else {}
        self.store = launch_store(
            log,
            f"--port={self.port}",
            files=None,
            MSRV_DATA=str(self.data),
            MSRV_LIBRARY=str(self.folder / "library"),
            MSRV_DEMO_PAYMENTS="1",
            MSRV_TLS="off",
            **environ,
        )
        return self

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def kill(self) -> None:
        self.store.process.kill()
        self.store.process.wait(_SECONDS)
        if self.store.process.stdout:
            self.store.process.stdout.close()

    def end(self) -> None:
        if self.store.process.poll() is None:
            self.store.stop()

    def buy(self, item: str) -> str:
        """Buy an item; return the path of its receipt. Raises UNAVAILABLE."""
        order = {"item": item, "provider": "demo"}
        return self._post(self._post("/purchases", order), {"answer": "pay"})

    def order_id(self, receipt: str) -> str:
        """Return the order of a receipt's path."""
        keyring = Keyring.from_nonces(
            self.store.environ["NONCE"], accepts_simulated=True
        )
        return receipts.read(keyring, receipt.rpartition("/")[2]).order_id

    def _post(self, path: str, form: dict[str, str]) -> str:
        """Post a form, and return where it leads. Raises UNAVAILABLE."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=_SECONDS
        )
        with contextlib.closing(connection):
            connection.request(
                "POST",
                path,
                urllib.parse.urlencode(form),
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            response = connection.getresponse()
            body = response.read()
            if response.status == 503:
                raise ConnectionError("not now")
            assert response.status == 303, (path, response.status, body)
            return str(response.headers["Location"])


class Crowd:
    """Buyers who buy one after the other until they are stopped.

    `receipts` are the paths of receipts that were acknowledged.
    """

    def __init__(self, shop: Shop, item: str, buyers: int = 3) -> None:
        self._shop = shop
        self._item = item
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run) for _ in range(buyers)
        ]
        self.receipts: list[str] = []

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join(2 * _SECONDS)

    def wait_for(self, count: int) -> None:
        """Wait until so many more receipts were acknowledged."""
        wanted = len(self.receipts) + count
        until = time.monotonic() + 2 * _SECONDS
        while len(self.receipts) < wanted:
            assert time.monotonic() < until, "nobody can buy"
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.receipts.append(self._shop.buy(self._item))
            except UNAVAILABLE:
                time.sleep(0.1)
