# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Alert rules and the dashboard, checked by Prometheus's own promtool."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from ruamel.yaml import YAML

from msrv.acme.worker import CertificateMetrics, CertificateWorker
from msrv.catalog.published.catalog_metrics import CatalogMetrics
from msrv.catalog.published.published_catalog import PublishedCatalog
from msrv.connections.admission import Admission, ConnectionLimits
from msrv.settings import Settings
from msrv.web.metrics import ConnectionMetrics, RequestMetrics
from msrv.web.routes import ROUTES
from msrv.web.store import STORE
from tests.conftest import StartStore
from tests.optional_programs import require
from tests.store_process import ROOT

FOLDER: Final = ROOT / "deploy" / "grafana"
ALERTS: Final = YAML(typ="safe", pure=True).load(FOLDER / "alerts.yaml")
DASHBOARD: Final = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
VARIABLES: Final = {
    "$__rate_interval": "5m",
    "$job": "msrv.*",
}
"""Grafana's variables, and what they stand for here."""


@pytest.fixture
def promtool() -> str:
    """Path of promtool."""
    found = shutil.which("promtool")
    require(
        "promtool", available=found is not None, reason="promtool is missing"
    )
    return str(found)


def targets() -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with each of its expressions."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def expressions() -> list[str]:
    rules = [
        each["expr"] for group in ALERTS["groups"] for each in group["rules"]
    ]
    return [*rules, *(expression for _, expression in targets())]


def check(promtool: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [promtool, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_something_is_wrong_and_only_then(
    promtool: str,
) -> None:
    check(promtool, "check", "rules", FOLDER / "alerts.yaml")
    check(promtool, "test", "rules", FOLDER / "alerts.test.yaml")
    names = [each["alert"] for each in ALERTS["groups"][0]["rules"]]
    assert len(names) == len(set(names)) == 16


def test_prometheus_accepts_the_dashboards_expressions(
    promtool: str, tmp_path: Path
) -> None:
    """As recording rules, which promtool parses."""
    rules = []
    for number, (_, expression) in enumerate(targets()):
        filled = re.sub(
            r"\$\w+", lambda match: VARIABLES[match[0]], expression
        )
        rules.append({"record": f"panel:{number}", "expr": filled})
    assert len(rules) > 20
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    check(promtool, "check", "rules", file)


async def test_metrics_and_labels_exist(
    start_store: StartStore, settings: Settings
) -> None:
    """In `/-/metrics` of a store with mail, a certificate and a bucket."""
    changed = settings.model_copy(
        update={
            "smtp_url": SecretStr("smtp://127.0.0.1:1"),
            "mail_from": "shop@example.org",
            "public_url": "https://shop.example",
        }
    )
    store = await start_store(changed)
    assert isinstance(store.app, web.Application)
    metrics = store.app[STORE].metrics
    limits = ConnectionLimits(total=10, per_network=10)
    metrics.register(ConnectionMetrics(Admission(limits)))
    expiry = datetime(2030, 1, 1, tzinfo=UTC)
    certificate = SimpleNamespace(
        status=SimpleNamespace(expires_at=expiry, failures=0)
    )
    metrics.register(
        CertificateMetrics(cast("CertificateWorker", certificate))
    )
    catalog = SimpleNamespace(problem="it is away", published_at=1)
    metrics.register(CatalogMetrics(cast("PublishedCatalog", catalog)))
    await store.get("/")
    text = await (await store.get("/-/metrics")).text()
    labels: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    named = set()
    for expression in expressions():
        for name in re.findall(r"\b(?:msrv_\w+|up)\b", expression):
            named.add(name)
            assert name in labels, (name, expression)
        for name, chosen in re.findall(r"\b(\w+)\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)[=!]~?=?\"", chosen))
            assert used <= labels[name] | {"job", "instance"}, expression
        known = set().union(
            *(labels[n] for n in re.findall(r"\bmsrv_\w+", expression)), set()
        )
        for kept in re.findall(r"\bby \(([^)]*)\)", expression):
            assert set(kept.split(", ")) <= known | {"job", "instance"}
    assert len(named) > 20


def test_first_failure_that_is_an_alert_is_counted_from_zero() -> None:
    """Prometheus sees no increase in a counter that begins at 1."""
    text = RequestMetrics().exposition().decode("utf-8")
    counted = [
        (sample.labels["route"], sample.labels["status"])
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "msrv_requests_total" and not sample.value
    ]
    watched = [
        (route, status)
        for group in ALERTS["groups"]
        for rule in group["rules"]
        for route, status in re.findall(
            r'msrv_requests_total\{route="([^"]*)", status=~?"([^"]*)"\}'
            r"\[\w+\]\)\) > 0",
            rule["expr"],
        )
    ]
    assert len(watched) == 2
    for route, status in watched:
        assert any(
            found == route and re.fullmatch(status, code)
            for found, code in counted
        ), (route, status)


def test_routes_exist() -> None:
    known = {
        each.kwargs.get("name") for each in ROUTES if hasattr(each, "kwargs")
    }
    used = {
        route
        for expression in expressions()
        for routes in re.findall(r"route[=!]~?=?\"([^\"]*)\"", expression)
        for route in routes.split("|")
    }
    assert used
    assert used <= known, used - known


def test_panels_fit_and_say_what_they_show() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    ids = [each["id"] for each in panels]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]
            assert panel["datasource"]["uid"] == "${datasource}"
