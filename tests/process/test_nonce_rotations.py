# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts and links of a running store whose NONCE changes three times."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.process.store_requests import path_of
from tests.store_process import START_SECONDS, StoreProcess, launch_store

NONCES: Final = (
    "nonce A: 5rTg-Kq82-Zn4W-cV7x-Lp31-Hd90",
    "nonce B: 9wEd-Mv63-Xb1Y-hJ5s-Qa70-Fk24",
    "nonce C: 3xZk-Wm19-Tf6B-vG8n-Yd42-Rc57",
    "nonce D: 7uJp-Nc48-Sv2L-bT1q-Ee96-Wg03",
)
PAGE: Final = Path(__file__).parents[2] / "docs" / "proofs.md"
CONTENT: Final = b"%PDF-1.4 zine %%EOF"


@dataclass(frozen=True, slots=True)
class Bought:
    """A receipt, its JWS of then, and the path of a link that it gave."""

    token: str
    jws: str
    link: str


Start = Callable[..., StoreProcess]


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a replica of the store with a NONCE, and a former one."""
    payments = getattr(request, "param", "free")
    release = tmp_path / "library" / "Zine"
    release.mkdir(parents=True)
    (release / "zine.pdf").write_bytes(CONTENT)
    price = "0" if payments == "free" else "5.00"
    (release / "release.toml").write_text(
        f'title = "Zine"\n[items."zine.pdf"]\nid = "zine"\nprice = "{price}"\n'
    )

    def start(
        nonce: str, previous: str = "", replica: str = "first"
    ) -> StoreProcess:
        folder = tmp_path / replica
        folder.mkdir(exist_ok=True)
        return launch_store(
            folder,
            "--no-tls",
            files=None,
            MSRV_LIBRARY=str(tmp_path / "library"),
            MSRV_DEMO_PAYMENTS=str(int(payments == "simulated")),
            NONCE=nonce,
            **({"NONCE_PREVIOUS": previous} if previous else {}),
        )

    return start


def buy(store: StoreProcess) -> Bought:
    bought = store.request_json("/purchases", [("item", "zine")])
    token = bought["receipt"].rpartition("/")[2]
    return Bought(
        token,
        store.request_json(f"/purchases/{token}")["jws"],
        path_of(bought["downloads"]["zine"]),
    )


def fetch(store: StoreProcess, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(
            store.url + path, timeout=START_SECONDS
        ) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


def opens(store: StoreProcess, bought: Bought) -> bool:
    """Return whether a receipt opens; it then downloads and verifies too."""
    status, _ = fetch(store, f"/purchases/{bought.token}")
    if status == 404:
        return False
    assert status == 200
    receipt = store.request_json(f"/purchases/{bought.token}")
    link = path_of(receipt["downloads"]["zine"])
    assert fetch(store, link) == (200, CONTENT)
    explained = store.request_json(f"/verify?q={bought.token}")
    assert explained["kind"] == "receipt"
    assert explained["valid"] is True
    return True


def check_with_published_keys(
    store: StoreProcess, bought: Bought, folder: Path
) -> Any:  # noqa: ANN401 - JSON
    """Return what the program in docs/proofs.md prints of a receipt."""
    (program,) = re.findall(
        r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    (folder / "check_receipt.py").write_text(program, "utf-8")
    (folder / "jwks.json").write_bytes(
        fetch(store, "/.well-known/jwks.json")[1]
    )
    done = subprocess.run(
        [sys.executable, "check_receipt.py", bought.jws, "jwks.json"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("start", ["free", "simulated"], indirect=True)
def test_receipts_stay_valid_through_three_rotations(
    start: Start, tmp_path: Path
) -> None:
    with start(NONCES[0]) as store:
        bought = [buy(store)]
        assert fetch(store, bought[0].link) == (200, CONTENT)
    for number in (1, 2, 3):
        former = bought[-1]
        with start(NONCES[number], NONCES[number - 1]) as store:
            assert all(opens(store, each) for each in bought)
            # A link of the former NONCE is valid while that is set …
            assert fetch(store, former.link)[0] == 200
            bought.append(buy(store))
        # … and ends with it; the receipt does not.
        with start(NONCES[number]) as store:
            assert all(opens(store, each) for each in bought)
            assert [fetch(store, each.link)[0] for each in bought] == [
                *[404] * number,
                200,
            ]
            if number < 3:
                continue
            for each in bought:
                claims = check_with_published_keys(store, each, tmp_path)
                assert claims["items"][0][0] == "zine"
            listed = json.loads(store.run("keys", "--json"))
            assert listed[0]["status"] == "present"
            exported = store.run("keys", "export")
    # A replica with a data folder of its own knows none of them yet.
    with start(NONCES[3], replica="second") as store:
        assert [opens(store, each) for each in bought] == [False] * 3 + [True]
        store.stop()
        file = tmp_path / "exported.json"
        file.write_text(exported, "utf-8")
        assert store.run("keys", "import", str(file)).startswith("imported ")
    with start(NONCES[3], replica="second") as store:
        assert all(opens(store, each) for each in bought)


def test_leak_ends_all_earlier_receipts(start: Start, tmp_path: Path) -> None:
    with start(NONCES[0]) as store:
        bought = [buy(store)]
    with start(NONCES[1], NONCES[0]) as store:
        bought.append(buy(store))
    with start(NONCES[2]) as store:  # the second has leaked
        assert not any(opens(store, each) for each in bought)
        assert "has not confirmed" in store.log.read_text("utf-8")
        bought.append(buy(store))
        file = tmp_path / "first" / "data" / "retired_keys.json"
        store.run("keys", "import", "--yes", str(file))
    with start(NONCES[2]) as store:
        # The first was no leak: its receipts are back.
        assert [opens(store, each) for each in bought] == [True, False, True]


def test_forgotten_key_ends_its_receipts(start: Start) -> None:
    with start(NONCES[0]) as store:
        bought = buy(store)
    with start(NONCES[1], NONCES[0]):
        pass
    with start(NONCES[1]) as store:
        assert opens(store, bought)
        for key in json.loads(store.run("keys", "--json"))[1:]:
            store.run("keys", "forget", "--yes", key["kid"])
    with start(NONCES[1]) as store:
        assert not opens(store, bought)
