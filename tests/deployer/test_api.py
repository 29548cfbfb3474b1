"""What an operator is shown, and how the deployer remembers."""

import asyncio
import base64
import json
from pathlib import Path

from msrv.deployer.app_keys import JOURNAL
from msrv.deployer.client import progress, table
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.rollout.journal import KEPT, Journal
from tests.deployer.conftest import TOKEN, House


async def test_the_state_is_shown_as_json_and_as_a_page(house: House) -> None:
    """An operator can't see what happened."""
    house.may_end.clear()
    made = (await (await house.dockerhub()).json())["id"]
    found = await (await house.ask(f"/deployments/{made}")).json()
    assert (found["id"], found["target"]) == (made, "store")
    assert "callback_url" not in found
    listed = await (await house.ask("/deployments")).json()
    assert [each["id"] for each in listed["deployments"]] == [made]
    assert (await house.ask("/deployments/nothing")).status == 404
    shown = house.client.app[JOURNAL].deployments[made]
    shown.note("<script>")
    shown.state, shown.step = State.RUNNING, "pulling a/b"
    shown.reference = "a/b@sha256:0123456789abcdef"
    shown.have_bytes, shown.of_bytes = 25_000_000, 100_000_000
    password = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    answer = await house.client.get(
        f"/deployments/{made}",
        headers={"Authorization": f"Basic {password}", "Accept": "text/html"},
    )
    page = await answer.text()
    assert answer.status == 200
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    # How far it is, and with which image, is said as in a terminal.
    assert "<td>0123456789ab</td>" in page
    assert "<td>[=====               ] 25.0 of 100.0 MB</td>" in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    house.may_end.set()


async def test_figures_count_what_was_refused(house: House) -> None:
    """Monitoring sees nothing of an attack."""
    await house.dockerhub(secret="wrong")
    await house.dockerhub()
    text = await (await house.ask("/-/metrics")).text()
    refused = 'msrv_deployer_hooks_total{kind="dockerhub",outcome="refused"} 1'
    assert refused in text
    assert 'outcome="taken"} 1' in text


async def test_figures_count_what_was_deployed(house: House) -> None:
    """Monitoring sees neither that updates fail nor that there are none."""
    await house.dockerhub()
    total = 'deployments_total{state="succeeded",target="store"} 1.0'
    text = ""
    async with asyncio.timeout(60):
        while total not in text:
            text = await (await house.ask("/-/metrics")).text()
    assert 'deployment_seconds_count{target="store"} 1.0' in text
    last = 'last_success_timestamp_seconds{target="store"} 1.8e+09'
    assert last in text


async def test_the_journal_survives_a_restart(tmp_path: Path) -> None:
    """A deployer that is started again has forgotten everything."""
    journal = Journal(tmp_path)
    for number in range(KEPT + 5):
        await journal.save(
            Deployment(f"d{number}", "store", "generic", number, State.FAILED)
        )
    journal.memory("store").refused = "sha256:1"
    await journal.save_memories()
    (tmp_path / "broken.json").write_text("{", "utf-8")
    (tmp_path / "odd.json").write_text('{"state": "none"}', "utf-8")
    again = Journal(tmp_path)
    await again.open()
    assert len(again.deployments) == KEPT
    assert "d0" not in again.deployments
    assert again.deployments["d50"].state is State.FAILED
    assert again.memory("store").refused == "sha256:1"


async def test_a_journal_of_a_newer_version_is_read(tmp_path: Path) -> None:
    """Going back a version of the deployer loses what it was doing."""
    data = Deployment("d", "store", "generic", 1).as_data()
    (tmp_path / "d.json").write_text(json.dumps({**data, "new": 1}), "utf-8")
    journal = Journal(tmp_path)
    await journal.open()
    assert journal.deployments["d"].state is State.QUEUED


def test_progress_is_a_line() -> None:
    """A pull of a gigabyte shows nothing for minutes."""
    pulling = Deployment(
        "d", "store", "generic", 0, state=State.RUNNING, step="pulling a/b"
    )
    pulling.have_bytes, pulling.of_bytes = 25_000_000, 100_000_000
    line = progress(pulling.as_public(whole=False))
    assert line == "[=====               ] 25.0 of 100.0 MB"
    shown = table([pulling.as_public(whole=False)], 3700).splitlines()
    assert shown[0].split()[:3] == ["id", "target", "state"]
    assert "1 h ago" in shown[1]
