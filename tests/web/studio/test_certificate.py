# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate of MSRV_DOMAIN: health page, metrics, readiness, other names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from msrv.acme.pem import create_placeholder
from msrv.acme.renewal import Attempts
from msrv.acme.rules import CertificateRules
from msrv.acme.state import Progress, StateFolder
from msrv.acme.worker import CertificateMetrics, CertificateWorker
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock
from tests.web.studio.conftest import Studio

NAMES = ("shop.example", "www.shop.example")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with two names."""
    return settings.model_copy(
        update={
            "tls": "auto",
            "domain": NAMES,
            "public_url": "https://shop.example",
        }
    )


def worker_of(client: Client) -> CertificateWorker:
    """Return the store's worker, which isn't started in these tests."""
    worker = client.app[STORE].certificate
    assert worker is not None
    return worker


def set_certificate(
    client: Client, clock: Clock, days: int, problem: str | None = None
) -> None:
    """Write a certificate that expires in some days of the store's clock."""
    settings = client.app[STORE].settings
    now = datetime.fromtimestamp(clock(), UTC)
    state = StateFolder(settings.data)
    state.create()
    at = now + timedelta(days=days - 365, hours=1)
    state.save_certificate(create_placeholder(NAMES, at))
    if problem is not None:
        attempts = Attempts(2, now, now + timedelta(hours=1), problem)
        request = CertificateRules.from_settings(settings).request_id
        state.save_progress(Progress(request, attempts=attempts))
    worker = worker_of(client)
    worker.status = worker._manager.status()


async def test_health_page_shows_the_days_left(
    studio: Studio, clock: Clock
) -> None:
    set_certificate(studio.store, clock, 20)
    page = await studio.text("/studio/health")
    assert "20 days left" in page
    assert ", ".join(NAMES) in page
    data = (await studio.data("/studio/health"))["certificate"]
    assert data["names"] == list(NAMES)
    assert data["days_left"] == 20
    assert data["trouble"] is None


@pytest.mark.parametrize(
    ("days", "verdict"), [(1, "1 day left"), (-3, "Expired")]
)
async def test_health_page_shows_why_a_renewal_failed(
    studio: Studio, clock: Clock, days: int, verdict: str
) -> None:
    set_certificate(studio.store, clock, days, "<port> 80 & 443")
    page = await studio.text("/studio/health")
    assert verdict in page
    assert "&lt;port&gt; 80 &amp; 443" in page
    assert "Next attempt" in page


async def test_first_certificate_is_awaited_without_refusing_visitors(
    studio: Studio, clock: Clock
) -> None:
    page = await studio.text("/studio/health")
    assert "Waiting for a certificate for" in page
    answer = await studio.store.get("/-/ready")
    assert answer.status == 200
    assert (await answer.json())["waiting"] == "certificate"
    set_certificate(studio.store, clock, 20)
    answer = await studio.store.get("/-/ready")
    assert (await answer.json()) == {"status": "ready"}


async def test_name_that_the_certificate_lacks_is_awaited(
    studio: Studio, clock: Clock
) -> None:
    set_certificate(studio.store, clock, 20)
    status = worker_of(studio.store).status
    worker_of(studio.store).status = replace(status, missing_names=NAMES[1:])
    page = await studio.text("/studio/health")
    verdict = page.partition("Waiting for a certificate for")[2]
    assert NAMES[1] in verdict.partition("</p>")[0]


async def test_metrics_have_the_expiry_and_the_failures(
    studio: Studio, clock: Clock
) -> None:
    metrics = CertificateMetrics(worker_of(studio.store))
    assert [each.name for each in metrics.collect()] == [
        "msrv_certificate_failures"
    ]
    set_certificate(studio.store, clock, 20, "port 80")
    values = {each.name: each.samples[0].value for each in metrics.collect()}
    assert values["msrv_certificate_failures"] == 2
    expected = clock() + 20 * 86400 + 3600
    assert values["msrv_certificate_expiry_seconds"] == expected


@pytest.mark.parametrize(
    "path", ["/", "/catalog?a=%41", "/download/%2e/x", "/nowhere"]
)
async def test_other_name_redirects_to_the_first(
    studio: Studio, path: str
) -> None:
    base = studio.store.make_url("/")
    answer = await studio.store.session.get(
        URL(f"{base.origin()}{path}", encoded=True),
        headers={"Host": "www.shop.example"},
        allow_redirects=False,
    )
    assert answer.status == 308
    assert answer.headers["Location"] == f"https://shop.example{path}"
