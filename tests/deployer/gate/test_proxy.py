"""The proxy, before an engine in memory: what an intruder asks it for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from msrv import settings
from msrv.deployer.config_model import Config, Target
from msrv.deployer.docker import API
from msrv.deployer.gate import proxy
from msrv.deployer.rollout import container_spec
from tests.deployer.engine import NONCE, FakeEngine

REPOSITORY = "wetcoats/msrv"


@dataclass(frozen=True, slots=True)
class Gated:
    """A gate in front of an engine with one store and one database."""

    engine: FakeEngine
    client: "TestClient[Any, Any]"
    good: str
    evil: str
    store: str
    database: str

    async def ask(
        self,
        method: str,
        path: str,
        json: object = None,
        **params: str,
    ) -> tuple[int, str]:
        """Ask as a deployer that was taken over; `path` is sent as it is."""
        url = URL(f"/{API}/{path}", encoded=True)
        async with self.client.request(
            method, url, json=json, params=params
        ) as answer:
            return answer.status, await answer.text()

    async def create(self, image: str) -> tuple[int, str]:
        return await self.ask(
            "POST",
            "containers/create",
            {"Image": image, "Labels": {container_spec.REPLACES: self.store}},
            name="msrv-app-1-abc123",
        )


StartGate = Callable[..., Awaitable[Gated]]


@pytest.fixture
async def start_gate() -> AsyncIterator[StartGate]:
    """Start gates; they end with the test."""
    open_ones: list[Any] = []

    async def start(
        *, tags_make_digests: bool = False, pull: bool = True
    ) -> Gated:
        engine = FakeEngine(tags_make_digests)
        good = engine.add_image("good", REPOSITORY)
        evil = engine.add_image("evil", "evil/backdoor")
        database = engine.add_image("mariadb", "mariadb")
        engine.tags = {
            f"{REPOSITORY}:latest": good,
            "evil/backdoor:1": evil,
            "mariadb:11.8": database,
        }
        server = TestServer(engine.app())
        await server.start_server()
        open_ones.append(server)
        found = settings.load(
            {
                "NONCE": "x",
                "MSRV_DEPLOY_ENGINE": f"http://127.0.0.1:{server.port}",
            }
        )
        target = Target(
            name="store",
            repository=REPOSITORY,
            project="msrv",
            service="app",
            pull=pull,
        )
        client = TestClient(
            TestServer(
                proxy.create_app(found, Config(targets={"store": target}))
            )
        )
        await client.start_server()
        open_ones.append(client)
        return Gated(
            engine,
            client,
            good,
            evil,
            engine.add_container("msrv-app-1", good, "app"),
            engine.add_container("msrv-db-1", database, "db"),
        )

    yield start
    for each in reversed(open_ones):
        await each.close()


@pytest.mark.parametrize("tags_make_digests", [False, True])
async def test_a_foreign_image_gets_no_name_and_no_container(
    start_gate: StartGate, *, tags_make_digests: bool
) -> None:
    """An image runs with the store's secrets once it has the right name."""
    gated = await start_gate(tags_make_digests=tags_make_digests)
    for name in ("evil/backdoor:1", gated.evil):
        assert (await gated.create(name))[0] == 403
        for repository, tag in (
            (REPOSITORY, "latest"),
            ("msrv-deployer/store", "previous"),
            ("msrv-deployer/store", "before"),
        ):
            status, _ = await gated.ask(
                "POST", f"images/{name}/tag", repo=repository, tag=tag
            )
            assert status == 403
            assert (await gated.create(f"{repository}:{tag}"))[0] != 201 or (
                gated.engine.tags[f"{repository}:{tag}"] == gated.good
            )
    made = gated.engine.containers.values()
    assert gated.evil not in {each["Image"] for each in made}


async def test_the_name_of_a_kept_image_is_no_evidence(
    start_gate: StartGate,
) -> None:
    """An image that someone named as a kept one gets a container."""
    gated = await start_gate()
    gated.engine.tags["msrv-deployer/store:previous"] = gated.evil
    status, said = await gated.create("msrv-deployer/store:previous")
    assert (status, "was not pulled from wetcoats/msrv" in said) == (403, True)


async def test_a_container_is_made_by_the_id_that_was_checked(
    start_gate: StartGate,
) -> None:
    """A tag that moves between the check and the making runs unchecked."""
    gated = await start_gate()

    def move() -> None:
        gated.engine.tags[f"{REPOSITORY}:latest"] = gated.evil

    gated.engine.after_image = move
    status, _ = await gated.create(f"{REPOSITORY}:latest")
    assert status == 201
    (new,) = (
        each
        for each in gated.engine.containers.values()
        if each["Name"] == "/msrv-app-1-abc123"
    )
    assert new["Image"] == new["Config"]["Image"] == gated.good
    assert new["Config"]["Env"] == [NONCE]


async def test_a_name_is_given_to_the_image_that_was_checked(
    start_gate: StartGate,
) -> None:
    """A tag that moves between check and tagging names a foreign image."""
    gated = await start_gate()

    def move() -> None:
        gated.engine.tags[f"{REPOSITORY}:latest"] = gated.evil

    gated.engine.after_image = move
    status, _ = await gated.ask(
        "POST",
        f"images/{REPOSITORY}:latest/tag",
        repo="msrv-deployer/store",
        tag="previous",
    )
    assert status == 201
    assert gated.engine.tags["msrv-deployer/store:previous"] == gated.good


async def test_images_of_others_are_not_shown(start_gate: StartGate) -> None:
    """The environment of any image of the machine is there to read."""
    gated = await start_gate()
    gated.engine.tags["msrv-deployer/store:before"] = gated.evil
    for name in (
        gated.evil,
        gated.engine.tags["mariadb:11.8"],
        "msrv-deployer/store:before",
        "evil/backdoor:1",
    ):
        status, said = await gated.ask("GET", f"images/{name}/json")
        assert (status, "SECRET_OF" in said) == (403, False)
    for name in (gated.good, f"{REPOSITORY}:latest"):
        assert (await gated.ask("GET", f"images/{name}/json"))[0] == 200


async def test_an_image_made_here_needs_pull_false(
    start_gate: StartGate,
) -> None:
    """A build on the machine is taken for one of the registry, or no
    target can be built on the machine at all."""
    for pull, expected in ((True, 403), (False, 201)):
        gated = await start_gate(pull=pull)
        built = gated.engine.add_image("built here")
        gated.engine.tags[f"{REPOSITORY}:latest"] = built
        assert (await gated.create(built))[0] == expected


async def test_what_runs_already_may_run_again(start_gate: StartGate) -> None:
    """An update over an image that was never in a registry can't be undone."""
    gated = await start_gate()
    built = gated.engine.add_image("the first one, built here")
    gated.engine.containers[gated.store]["Image"] = built
    assert (await gated.create(built))[0] == 201
    assert (await gated.ask("GET", f"images/{built}/json"))[0] == 200


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
    """An encoded slash in a name leads to whatever the engine can do."""
    gated = await start_gate()
    _, made = await gated.create(gated.good)
    new = next(
        identity
        for identity, each in gated.engine.containers.items()
        if each["Name"] == "/msrv-app-1-abc123"
    )
    gated.engine.asked.clear()
    status, _ = await gated.ask(
        "POST",
        path.format(database=gated.database),
        {"Container": new},
        repo=REPOSITORY,
        tag="latest",
    )
    assert status in {403, 404}, made
    assert not [each for each in gated.engine.asked if "POST" in each]
    assert gated.engine.containers[gated.database]["State"]["Running"]


async def test_a_successor_leaves_and_joins_its_own_networks(
    start_gate: StartGate,
) -> None:
    """No update gets its names, or one leaves a network it isn't on."""
    gated = await start_gate()
    await gated.create(gated.good)
    body = {"Container": "msrv-app-1-abc123"}
    for verb in ("disconnect", "connect"):
        for network, expected in (("msrv_edge", 200), ("other", 403)):
            status, _ = await gated.ask(
                "POST", f"networks/{network}/{verb}", body
            )
            assert status == expected, (verb, network)
