# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Provenance and paths: an intruder's requests to the gate."""

import pytest

from tests.deployer.fake_engine_objects import NONCE
from tests.deployer.gate.running_gate import REPOSITORY, StartGate


@pytest.mark.parametrize("tags_make_digests", [False, True])
async def test_foreign_image_gets_no_tag_and_no_container(
    start_gate: StartGate, *, tags_make_digests: bool
) -> None:
    """By either, it could run with the store's secrets."""
    gate = await start_gate(tags_make_digests=tags_make_digests)
    for name in ("evil/backdoor:1", gate.evil):
        assert (await gate.create(name))[0] == 403
        for repository, tag in (
            (REPOSITORY, "latest"),
            ("msrv-deployer/store", "previous"),
            ("msrv-deployer/store", "before"),
        ):
            status, _ = await gate.request(
                "POST", f"images/{name}/tag", repo=repository, tag=tag
            )
            assert status == 403
            assert (await gate.create(f"{repository}:{tag}"))[0] != 201 or (
                gate.engine.tags[f"{repository}:{tag}"] == gate.good
            )
    made = gate.engine.containers.values()
    assert gate.evil not in {each["Image"] for each in made}


async def test_tag_of_a_kept_image_is_no_evidence(
    start_gate: StartGate,
) -> None:
    gate = await start_gate()
    gate.engine.tags["msrv-deployer/store:previous"] = gate.evil
    status, text = await gate.create("msrv-deployer/store:previous")
    assert (status, "was not pulled from wetcoats/msrv" in text) == (403, True)


async def test_container_is_created_from_the_image_that_was_checked(
    start_gate: StartGate,
) -> None:
    """Even if the tag moves between the check and the creation."""
    gate = await start_gate()

    def move() -> None:
        gate.engine.tags[f"{REPOSITORY}:latest"] = gate.evil

    gate.engine.after_image = move
    status, _ = await gate.create(f"{REPOSITORY}:latest")
    assert status == 201
    (new,) = (
        each
        for each in gate.engine.containers.values()
        if each["Name"] == "/msrv-app-1-abc123de"
    )
    assert new["Image"] == new["Config"]["Image"] == gate.good
    assert new["Config"]["Env"] == [NONCE]


async def test_tag_is_added_to_the_image_that_was_checked(
    start_gate: StartGate,
) -> None:
    """Even if its name moves between the check and the tagging."""
    gate = await start_gate()

    def move() -> None:
        gate.engine.tags[f"{REPOSITORY}:latest"] = gate.evil

    gate.engine.after_image = move
    status, _ = await gate.request(
        "POST",
        f"images/{REPOSITORY}:latest/tag",
        repo="msrv-deployer/store",
        tag="previous",
    )
    assert status == 201
    assert gate.engine.tags["msrv-deployer/store:previous"] == gate.good


async def test_images_of_no_target_are_not_shown(
    start_gate: StartGate,
) -> None:
    gate = await start_gate()
    gate.engine.tags["msrv-deployer/store:before"] = gate.evil
    for name in (
        gate.evil,
        gate.engine.tags["mariadb:11.8"],
        "msrv-deployer/store:before",
        "evil/backdoor:1",
    ):
        status, text = await gate.request("GET", f"images/{name}/json")
        assert (status, "SECRET_OF" in text) == (403, False)
    for name in (gate.good, f"{REPOSITORY}:latest"):
        assert (await gate.request("GET", f"images/{name}/json"))[0] == 200


async def test_image_built_locally_needs_pull_false(
    start_gate: StartGate,
) -> None:
    for pull, expected in ((True, 403), (False, 201)):
        gate = await start_gate(pull=pull)
        built = gate.engine.add_image("built here")
        gate.engine.tags[f"{REPOSITORY}:latest"] = built
        assert (await gate.create(built))[0] == expected


async def test_image_of_a_running_container_may_be_used_again(
    start_gate: StartGate,
) -> None:
    """So a first update from an image of no registry can be undone."""
    gate = await start_gate()
    built = gate.engine.add_image("the first one, built here")
    gate.engine.containers[gate.store]["Image"] = built
    assert (await gate.create(built))[0] == 201
    assert (await gate.request("GET", f"images/{built}/json"))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "networks/..%2Fcontainers%2F{database}%2Fstop%3Ft=/disconnect",
        "networks/x%2F..%2F..%2Fcontainers%2F{database}%2Fstop%3F/connect",
        "networks/msrv_edge%2F..%2Fprune%3F/disconnect",
        "images/..%2Fcontainers%2F{database}%2Fstop%3F/tag",
        "images/wetcoats%2Fmsrv:latest%3Frepo=x%26tag=y%26/tag",
    ],
)
async def test_no_other_path_of_the_engine_is_reached(
    start_gate: StartGate, path: str
) -> None:
    """Encoded slashes in a name lead nowhere."""
    gate = await start_gate()
    _, made = await gate.create(gate.good)
    new = next(
        identity
        for identity, each in gate.engine.containers.items()
        if each["Name"] == "/msrv-app-1-abc123de"
    )
    gate.engine.requests.clear()
    status, _ = await gate.request(
        "POST",
        path.format(database=gate.database),
        {"Container": new},
        repo=REPOSITORY,
        tag="latest",
    )
    assert status in {403, 404}, made
    assert not [each for each in gate.engine.requests if "POST" in each]
    assert gate.engine.containers[gate.database]["State"]["Running"]


async def test_successor_changes_only_its_predecessor_s_networks(
    start_gate: StartGate,
) -> None:
    gate = await start_gate()
    await gate.create(gate.good)
    body = {"Container": "msrv-app-1-abc123de"}
    for verb in ("disconnect", "connect"):
        for network, expected in (("msrv_edge", 200), ("other", 403)):
            status, _ = await gate.request(
                "POST", f"networks/{network}/{verb}", body
            )
            assert status == expected, (verb, network)
