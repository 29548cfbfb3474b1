# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Traces and metrics of a store, sent to a receiver of OTLP."""

import asyncio
import contextlib
import random
import string
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from prometheus_client.metrics_core import Metric
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from msrv.settings import Settings, WrongSetting
from msrv.settings.optional_packages import PackageMissing
from msrv.telemetry import exporting, spans
from msrv.telemetry.otlp_export import TelemetrySettings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.store_process import ROOT, launch_store
from tests.telemetry.receiver import Receiver, attributes, receiving

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
JSON = {"Accept": "application/json"}
IMPORTED = """
import asyncio, os, sys
from msrv.server import server
from msrv.telemetry import exporting
async def main():
    async with exporting(os.environ, list):
        pass
asyncio.run(main())
print([m for m in sys.modules if m.startswith(("opentelemetry", "google"))])
"""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Receiver that answers 200."""
    async with receiving() as found:
        yield found


@contextlib.asynccontextmanager
async def traced(
    store: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Export what a store in this process does, as `serve` does."""
    environ = {
        ENDPOINT: receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert isinstance(store.app, web.Application)
    families = store.app[STORE].metrics.families
    async with exporting(environ, families):
        yield


async def test_purchase_is_traced_by_routes(
    store: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with traced(store, receiver, monkeypatch):
        await store.get("/catalog", headers=JSON)
        answer = await store.post(
            "/purchases", data={"item": "departure"}, headers=JSON
        )
        await store.post(
            "/cart", data={"add": "departure"}, allow_redirects=False
        )
        await store.get("/nothing/there")
        await receiver.wait_for(lambda: "msrv_requests" in receiver.metrics)
        await store.get("/codes-and-the-rest")
    found = {each.name: each for each in receiver.spans}
    assert {"GET catalog", "POST buy", "GET none"} <= set(found)
    bought = found["POST buy"]
    assert attributes(bought) == {
        "http.request.method": "POST",
        "http.route": "buy",
        "http.response.status_code": answer.status,
    }
    assert bought.kind == Span.SPAN_KIND_SERVER
    assert not bought.parent_span_id
    redirect = found["POST cart-change"]
    assert attributes(redirect)["http.response.status_code"] == 303
    assert "error.type" not in attributes(redirect)
    assert redirect.status.code == Status.STATUS_CODE_UNSET
    assert {each["service.name"] for each in receiver.resources} == {"msrv"}
    for each in receiver.resources:
        assert each["deployment.environment.name"] == "test"
        assert each["service.instance.id"]
        assert "process.command_line" not in each
    assert {each["Authorization"] for each in receiver.headers} == {
        "Basic abc"
    }
    # The last export has what came after the others.
    requests = receiver.metrics["msrv_requests"].sum
    assert requests.is_monotonic
    none = [
        each.as_double
        for each in requests.data_points
        if any(a.value.string_value == "none" for a in each.attributes)
    ]
    assert sum(none) == 2
    seconds = receiver.metrics["msrv_request_seconds"].histogram
    for each in seconds.data_points:
        assert sum(each.bucket_counts) == each.count > 0
        assert len(each.bucket_counts) == len(each.explicit_bounds) + 1
        assert each.sum > 0
    assert receiver.metrics["msrv_ledger_up"].gauge.data_points


async def test_metric_that_fails_once_ends_no_export(
    store: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store.app, web.Application)
    metrics = store.app[STORE].metrics
    failures = iter([OSError("away")])
    families = metrics.families

    def failing() -> Iterator[Metric]:
        for error in failures:
            raise error
        yield from families()

    monkeypatch.setattr(metrics, "families", failing)
    async with traced(store, receiver, monkeypatch):
        await receiver.wait_for(lambda: "msrv_ledger_up" in receiver.metrics)
        failures = iter([OSError("away")])  # and the last one


async def test_statements_of_a_request_are_its_spans(
    store: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And have no text and no parameter, also where they fail."""
    engine = create_async_engine("sqlite+aiosqlite://")
    async with (
        traced(store, receiver, monkeypatch),
        engine.connect() as connection,
    ):
        # By a background task: no span.
        await connection.execute(text("SELECT 'lonely'"))
        with spans.span("GET release", "server", {}):
            await connection.execute(
                text("SELECT :token"), {"token": "a-secret-token"}
            )
            with pytest.raises(OperationalError):
                await connection.execute(text("SELECT secret_column"))
    await engine.dispose()
    selects = [e for e in receiver.spans if e.name == "sqlite SELECT"]
    assert len(selects) == 2
    (request,) = [e for e in receiver.spans if e.name == "GET release"]
    assert {e.parent_span_id for e in selects} == {request.span_id}
    assert attributes(selects[0]) == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
    }
    assert selects[1].status.code == Status.STATUS_CODE_ERROR
    assert not selects[1].status.message
    assert not selects[1].events
    everything = b"".join(receiver.bodies)
    assert b"secret" not in everything
    assert b"lonely" not in everything


async def test_nothing_that_a_visitor_sends_is_exported(
    store: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, in every place that a request has."""
    dice = random.Random(20)  # noqa: S311 - not for secrets

    def word() -> str:
        return "".join(dice.choices(string.ascii_letters, k=24))

    sent = []
    async with traced(store, receiver, monkeypatch):
        answer = await store.post(
            "/purchases", data={"item": "departure"}, headers=JSON
        )
        bought = await answer.json()
        links = [
            str(each).partition("://")[2].partition("/")[2]
            for each in [bought["receipt"], *bought["downloads"].values()]
        ]
        for link in links:
            response = await store.get("/" + link, headers=JSON)
            assert response.status == 200
            sent += [each for each in link.split("/") if len(each) > 20]
        for _ in range(12):
            words = [word() for _ in range(12)]
            sent += words
            headers = {
                **JSON,
                "User-Agent": words[0],
                "Referer": f"https://elsewhere.example/{words[1]}",
                "Cookie": f"cart={words[2]}; {words[3]}=1",
                "Accept-Language": words[4],
                "Traceparent": f"00-{dice.getrandbits(128):032x}-"
                f"{dice.getrandbits(64):016x}-01",
                "Baggage": f"k={words[5]}",
                "X-Forwarded-For": "203.0.113.77",
            }
            for path in (
                f"/purchases/{words[6]}",
                f"/download/{words[7]}/{words[8]}/departure?as={words[9]}",
                f"/{words[10]}?{words[11]}=1",
                f"/catalog?q={words[11]}",
                f"/tags/{words[10]}",
            ):
                await store.get(path, headers=headers)
            for path in ("/lost", "/redeem", "/purchases", f"/{words[6]}"):
                await store.post(
                    path,
                    headers=headers,
                    data={
                        "mail": f"{words[7]}@example.org",
                        "code": words[8],
                        "item": words[9],
                        "discount": words[10],
                    },
                )
    assert len(receiver.spans) > 100
    # As text and as the binary ids of a trace context.
    everything = b"".join(receiver.bodies)
    assert len(sent) > 144
    leaked = [each for each in sent if each.encode() in everything]
    assert leaked == []
    assert b"203.0.113.77" not in everything
    assert b"example.org" not in everything
    known = {"POST none", "GET none", "POST redeem-code", "GET tag"}
    assert known <= {each.name for each in receiver.spans}
    assert {key for each in receiver.spans for key in attributes(each)} <= {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "error.type",
        "db.system.name",
        "db.operation.name",
    }


async def test_receiver_that_is_away_delays_nothing(
    start_store: StartStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("msrv.telemetry.otlp_export.STOP_SECONDS", 0.3)
    store = await start_store(settings)
    async with receiving() as receiver:
        receiver.status = 503
        started = 0.0
        async with traced(store, receiver, monkeypatch):
            for _ in range(20):
                assert (await store.get("/catalog")).status == 200
            await receiver.wait_for(lambda: receiver.bodies)
            started = time.monotonic()
        # OpenTelemetry itself would try again for ten seconds.
        assert time.monotonic() - started < 8
    assert "the last export didn't finish in time" in caplog.text
    assert (await store.get("/catalog")).status == 200
    assert "Basic abc" not in caplog.text


def test_nothing_is_imported_without_an_endpoint() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("environ", "traces", "metrics"),
    [
        ({}, False, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False, False),
        ({ENDPOINT: "http://otel:4318"}, True, True),
        ({ENDPOINT: "http://otel:4318", "OTEL_SDK_DISABLED": "True"}, 0, 0),
        ({ENDPOINT: "http://otel:4318", "OTEL_TRACES_EXPORTER": "none"}, 0, 1),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://otel:4318"}, 1, 0),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://otel:4318"}, 0, 1),
    ],
)
def test_standard_variables_choose_what_is_exported(
    environ: dict[str, str], traces: object, metrics: object
) -> None:
    found = TelemetrySettings.from_environ(environ)
    assert (found.traces, found.metrics) == (bool(traces), bool(metrics))


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
        {"OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "0"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "a minute"},
    ],
)
def test_unsupported_variables_are_named(wrong: dict[str, str]) -> None:
    (name,) = wrong
    with pytest.raises(WrongSetting, match=f"^{name}: "):
        TelemetrySettings.from_environ({ENDPOINT: "http://otel:4318", **wrong})


def test_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(PackageMissing, match=r"msrv\[otel\]"):
        TelemetrySettings.from_environ({ENDPOINT: "http://otel:4318"})


@pytest.mark.slow
async def test_serving_store_exports_until_it_stops(
    receiver: Receiver, tmp_path: Path
) -> None:
    def sell() -> None:
        with launch_store(
            tmp_path,
            "--no-tls",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_SERVICE_NAME="shop",
        ) as store:
            store.request_json("/catalog")

    await asyncio.to_thread(sell)
    assert "msrv_open_connections" in receiver.metrics
    assert "GET catalog" in {each.name for each in receiver.spans}
    assert {each["service.name"] for each in receiver.resources} == {"shop"}
