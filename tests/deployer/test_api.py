# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operator's API: deployments as JSON and as pages, and metrics."""

import asyncio
import base64

from msrv.deployer.app_keys import JOURNAL
from msrv.deployer.rollout.deployment import DeploymentState
from tests.deployer.running_deployer import TOKEN, RunningDeployer


async def test_deployment_is_shown_as_json_and_as_a_page(
    deployer: RunningDeployer,
) -> None:
    """The page escapes the log, and shows the same progress as a terminal."""
    deployer.may_finish.clear()
    made = (await (await deployer.dockerhub()).json())["id"]
    found = await (await deployer.get(f"/deployments/{made}")).json()
    assert (found["id"], found["target"]) == (made, "store")
    assert "callback_url" not in found
    listed = await (await deployer.get("/deployments")).json()
    assert [each["id"] for each in listed["deployments"]] == [made]
    assert (await deployer.get("/deployments/nothing")).status == 404
    shown = deployer.client.app[JOURNAL].deployments[made]
    shown.add_line("<script>")
    shown.state, shown.step = DeploymentState.RUNNING, "pulling a/b"
    shown.reference = "a/b@sha256:0123456789abcdef"
    shown.have_bytes, shown.of_bytes = 25_000_000, 100_000_000
    password = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    answer = await deployer.client.get(
        f"/deployments/{made}",
        headers={"Authorization": f"Basic {password}", "Accept": "text/html"},
    )
    page = await answer.text()
    assert answer.status == 200
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    # Image and progress are shown as in a terminal.
    assert "<td>0123456789ab</td>" in page
    assert "<td>[=====               ] 25.0 of 100.0 MB</td>" in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    deployer.may_finish.set()


async def test_rollback_needs_a_bearer_token(
    deployer: RunningDeployer,
) -> None:
    """A browser sends a password with a form of another site too."""
    password = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    statuses = []
    for given in (f"Basic {password}", f"Token {TOKEN}", f"Bearer {TOKEN}"):
        answer = await deployer.client.post(
            "/rollback/store", headers={"Authorization": given}
        )
        statuses.append(answer.status)
    assert statuses == [401, 401, 202]


async def test_metrics_count_refused_hooks(
    deployer: RunningDeployer,
) -> None:
    await deployer.dockerhub(secret="wrong")
    await deployer.dockerhub()
    text = await (await deployer.get("/-/metrics")).text()
    refused = 'msrv_deployer_hooks_total{kind="dockerhub",outcome="refused"} 1'
    assert refused in text
    assert 'outcome="taken"} 1' in text


async def test_metrics_count_deployments(
    deployer: RunningDeployer,
) -> None:
    await deployer.dockerhub()
    total = 'deployments_total{state="succeeded",target="store"} 1.0'
    text = ""
    async with asyncio.timeout(60):
        while total not in text:
            text = await (await deployer.get("/-/metrics")).text()
    assert 'deployment_seconds_count{target="store"} 1.0' in text
    last = 'last_success_timestamp_seconds{target="store"} 1.8e+09'
    assert last in text
