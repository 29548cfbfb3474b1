# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Packages as reduced for the image still have all that the store needs."""

import asyncio
import io
import json
import time
from pathlib import Path
from typing import Final

import yarl
from PIL import Image, ImageCms

from msrv.translations import Language, language_set_to, locale
from msrv.translations.dates import format_interval, format_moment
from msrv.translations.negotiation import FORMATS
from msrv.translations.prices import format_price
from tests.containers.buyer import Buyer
from tests.containers.engine import docker, run_container, wait_until
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_process import free_port

LOAD_SCRIPT: Final = """
import ctypes, json, sysconfig
from pathlib import Path
broken = {}
for library in Path(sysconfig.get_path("purelib")).rglob("*.so*"):
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        broken[library.name] = str(error)
print(json.dumps(broken))
"""

IMPORT_SCRIPT: Final = """
import importlib, json, pkgutil, warnings
warnings.simplefilter("ignore")
broken = {}
for package in ("msrv", "stripe"):
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if found.name.rpartition(".")[2] in {"__main__", "env"}:
            continue  # importing these runs them
        try:
            importlib.import_module(found.name)
        except ImportError as error:
            broken[found.name] = str(error)
print(json.dumps(broken))
"""

PRICE_SCRIPT: Final = """
import json
from msrv.translations import locale
from msrv.translations.negotiation import FORMATS
from msrv.translations.prices import format_price
print(json.dumps([
    [format_price(minor, currency, name), locale(name)
        .number_symbols["latn"]["decimal"]]
    for name in FORMATS
    for currency, minor in AMOUNTS
]))
"""

DATE_SCRIPT: Final = """
import json
from msrv.translations import Language, language_set_to
from msrv.translations.dates import format_interval, format_moment
from msrv.translations.negotiation import FORMATS
found = []
for name in FORMATS:
    with language_set_to(Language(name, name)):
        month, at = format_interval("2026-03"), format_moment(1_800_000_000)
        found.append([month, at])
print(json.dumps(found))
"""

PICTURE_SCRIPT: Final = """
import io, json, sys
from pathlib import Path
from msrv.catalog.metadata import cover_images
found = {}
for path in Path("/pictures").iterdir():
    with path.open("rb") as file:
        facts = cover_images.measure_image(file)
    with path.open("rb") as file:
        small = cover_images.shrink_image(file, 16)
    found[path.name] = [facts.width, facts.height, small[8:12].decode()]
print(json.dumps(found))
"""

AMOUNTS: Final = [("EUR", 123_450), ("JPY", 1500), ("KWD", 1_234_567)]


def run_python(image: str, script: str, *options: str) -> object:
    """Run Python in the image; return its output, parsed as JSON."""
    return json.loads(
        docker(
            "run", "--rm", "--network=none", "--entrypoint=python", *options,
            image, "-c", script,
        )
    )  # fmt: skip


def test_every_shared_library_loads(image: str) -> None:
    assert run_python(image, LOAD_SCRIPT) == {}


def test_every_module_imports(image: str) -> None:
    assert run_python(image, IMPORT_SCRIPT) == {}


def test_prices_are_formatted_as_outside_the_image(image: str) -> None:
    assert run_python(image, f"AMOUNTS = {AMOUNTS}\n{PRICE_SCRIPT}") == [
        [
            format_price(minor, currency, name),
            locale(name).number_symbols["latn"]["decimal"],
        ]
        for name in FORMATS
        for currency, minor in AMOUNTS
    ]


def test_dates_are_formatted_as_outside_the_image(image: str) -> None:
    found = []
    for name in FORMATS:
        with language_set_to(Language(name, name)):
            found.append(
                [format_interval("2026-03"), format_moment(1_800_000_000)]
            )
    assert run_python(image, DATE_SCRIPT) == found


def test_covers_of_all_formats_are_read(image: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20), (200, 20, 30))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    tmp_path.chmod(0o755)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        data = io.BytesIO()
        more = {} if kind == "GIF" else {"icc_profile": profile.tobytes()}
        picture.save(data, kind, **more)
        (tmp_path / kind).write_bytes(data.getvalue())
    found = run_python(
        image, PICTURE_SCRIPT, f"--volume={tmp_path}:/pictures:ro"
    )
    assert found == {
        kind: [40, 20, "WEBP"]
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
    }


async def test_stripe_payments_and_webhooks_work(image: str) -> None:
    port = free_port()
    buyer = Buyer(port)
    async with FakeStripe.running(lambda: int(time.time())) as bank:
        environ = {
            "MSRV_HOST": "127.0.0.1",
            "MSRV_PORT": port,
            "MSRV_STRIPE_KEY": KEY,
            "MSRV_STRIPE_WEBHOOK_SECRET": SECRET,
            "MSRV_STRIPE_API": bank.url,
        }
        options = [f"--env={name}={each}" for name, each in environ.items()]
        with run_container(image, "--network=host", *options):
            await asyncio.to_thread(
                wait_until, buyer.is_ready, "the store can sell"
            )
            path = await buy_with_stripe(bank, buyer)
            assert (await asyncio.to_thread(buyer.request, path)).status == 200
            amount = bank.last["amount_total"]
            made = bank.event("refund.created", bank.refund(bank.last, amount))
            hook = f"http://127.0.0.1:{port}/payments/stripe/webhook"
            assert await bank.tell(hook, made) == 200
            await asyncio.to_thread(
                wait_until,
                lambda: buyer.request(path).status != 200,
                "the link ends",
            )


async def buy_with_stripe(bank: FakeStripe, buyer: Buyer) -> str:
    """Buy an item that has a price; return the path of its download."""
    item = next(
        item["item_id"]
        for release in buyer.request_json("/catalog")["releases"]
        for item in release["items"]
        if item["price_minor"]
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = await asyncio.to_thread(
        buyer.request,
        "/purchases",
        form,
        method="POST",
        body=f"item={item}".encode(),
    )
    assert sent.status == 303, sent
    back = yarl.URL(bank.way_back(bank.pay(bank.last))).raw_path_qs
    returned = await asyncio.to_thread(buyer.request, back)
    receipt = yarl.URL(returned.headers["location"]).raw_path
    shown = await asyncio.to_thread(buyer.request_json, receipt)
    return yarl.URL(shown["downloads"][item]).raw_path
