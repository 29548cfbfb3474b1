"""Whatever is asked of the proxy, in whatever order: no foreign container.

The deployer was taken over. Beside it the machine goes on: builds name their
images, registries get new ones, and a tag may move at the worst moment.
"""

import asyncio
from typing import Any

import hypothesis.strategies as st
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from yarl import URL

from msrv import settings
from msrv.deployer.config_model import Config, Target
from msrv.deployer.docker import API
from msrv.deployer.gate import proxy
from msrv.deployer.rollout import container_spec
from tests.deployer.engine import FakeEngine

REPOSITORY = "wetcoats/msrv"
OTHER = "evil/backdoor"
OWN_TAG = f"{REPOSITORY}:latest"
KEPT = ("msrv-deployer/store:previous", "msrv-deployer/store:before")
FOREIGN_TAGS = (f"{OTHER}:1", "mariadb:11.8", *KEPT)
TAGS = (OWN_TAG, f"{REPOSITORY}:other", *FOREIGN_TAGS)

number = st.integers(0, 50)


class GateMachine(RuleBasedStateMachine):
    """A deployer that was taken over, and a machine that goes on."""

    @initialize(tags_make_digests=st.booleans())
    def start(self, *, tags_make_digests: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.engine = FakeEngine(tags_make_digests)
        self.shown: list[str] = []
        self.pushed = self.built = 0
        good = self.engine.add_image("good", REPOSITORY)
        self.engine.tags = {
            OWN_TAG: good,
            f"{OTHER}:1": self.engine.add_image("evil", OTHER),
            "mariadb:11.8": self.engine.add_image("mariadb", "mariadb"),
        }
        self.old = self.engine.add_container("msrv-app-1", good, "app")
        self.engine.add_container(
            "msrv-db-1", self.engine.tags["mariadb:11.8"], "db"
        )
        self.before = set(self.engine.containers)
        self.loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self.server = TestServer(self.engine.app())
        await self.server.start_server()
        found = settings.load(
            {
                "NONCE": "x",
                "MSRV_DEPLOY_ENGINE": f"http://127.0.0.1:{self.server.port}",
            }
        )
        target = Target(
            name="store", repository=REPOSITORY, project="msrv", service="app"
        )
        self.client: TestClient[Any, Any] = TestClient(
            TestServer(
                proxy.create_app(found, Config(targets={"store": target}))
            )
        )
        await self.client.start_server()

    def teardown(self) -> None:
        async def close() -> None:
            await self.client.close()
            await self.server.close()

        if hasattr(self, "client"):
            self.loop.run_until_complete(close())
            self.loop.close()

    def ask(
        self, method: str, path: str, json: object = None, **params: str
    ) -> str:
        async def asked() -> str:
            url = URL(f"/{API}/{path}", encoded=True)
            async with self.client.request(
                method, url, json=json, params=params
            ) as answer:
                assert answer.status < 500, await answer.text()
                return await answer.text()

        return self.loop.run_until_complete(asked())

    def reference(self, number: int) -> str:
        """Pick one of all that an image can be called by here."""
        found = [
            *self.engine.tags,
            *self.engine.images,
            *self.engine.remote,
            *TAGS,
        ]
        return found[number % len(found)]

    def container(self, number: int) -> str:
        found = list(self.engine.containers)
        return found[number % len(found)]

    @rule(image=number, of=number, end=st.sampled_from(["a1", "b2", "c3"]))
    def intruder_creates(self, image: int, of: int, end: str) -> None:
        old = self.engine.containers[self.container(of)]
        self.ask(
            "POST",
            "containers/create",
            {
                "Image": self.reference(image),
                "Labels": {container_spec.REPLACES: old["Id"]},
            },
            name=f"{old['Name'].removeprefix('/')}-{end}",
        )

    @rule(image=number, name=st.sampled_from(TAGS))
    def intruder_tags(self, image: int, name: str) -> None:
        repository, _, tag = name.rpartition(":")
        self.ask(
            "POST",
            f"images/{self.reference(image)}/tag",
            repo=repository,
            tag=tag,
        )

    @rule(image=number)
    def intruder_pulls(self, image: int) -> None:
        self.ask("POST", "images/create", fromImage=self.reference(image))

    @rule(image=number)
    def intruder_looks(self, image: int) -> None:
        self.shown.append(
            self.ask("GET", f"images/{self.reference(image)}/json")
        )

    @rule(which=number, verb=st.sampled_from(["start", "stop"]))
    def intruder_starts_and_stops(self, which: int, verb: str) -> None:
        self.ask("POST", f"containers/{self.container(which)}/{verb}")

    @rule(which=number)
    def intruder_renames(self, which: int) -> None:
        self.ask(
            "POST",
            f"containers/{self.container(which)}/rename",
            name="msrv-app-1",
        )

    @precondition(lambda self: len(self.engine.containers) > 2)
    @rule(which=number)
    def intruder_removes(self, which: int) -> None:
        self.ask("DELETE", f"containers/{self.container(which)}", force="1")

    @rule(name=st.sampled_from(TAGS))
    def somebody_builds(self, name: str) -> None:
        """A build on the machine takes a name, where it proves nothing."""
        self._move(name)

    @rule(name=st.sampled_from(TAGS))
    def a_build_ends_at_the_worst_moment(self, name: str) -> None:
        self.engine.after_image = lambda: self._move(name)

    def _move(self, name: str) -> None:
        # In containerd's store an operator's tag in the target's repository
        # is a repository digest of it: there it is the operator's word.
        if self.engine.tags_make_digests and name.startswith(REPOSITORY):
            return
        self.built += 1
        self.engine.tags[name] = self.engine.add_image(f"built {self.built}")

    @rule(repository=st.sampled_from([REPOSITORY, OTHER]))
    def a_registry_gets_an_image(self, repository: str) -> None:
        self.pushed += 1
        identity = self.engine.add_image(f"pushed {self.pushed}", repository)
        # It is there, and not here.
        del self.engine.images[identity]

    @invariant()
    def no_container_is_of_a_foreign_digest(self) -> None:
        for identity, each in self.engine.containers.items():
            if identity not in self.before:
                image = self.engine.images[each["Image"]]
                assert image.origin == REPOSITORY
                assert each["Config"]["Image"] == image.id

    @invariant()
    def no_name_of_a_target_is_given_to_a_foreign_image(self) -> None:
        for each in self.engine.asked:
            verb, _, path = each.partition(" ")
            if verb == "POST" and path.endswith("/tag"):
                identity = path.removeprefix("images/").removesuffix("/tag")
                assert self.engine.images[identity].origin == REPOSITORY

    @invariant()
    def no_foreign_image_is_shown(self) -> None:
        for image in self.engine.images.values():
            if image.origin != REPOSITORY:
                secret = f"SECRET_OF={image.id}"
                assert not any(secret in each for each in self.shown)


GateMachine.TestCase.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
TestGateMachine = GateMachine.TestCase
