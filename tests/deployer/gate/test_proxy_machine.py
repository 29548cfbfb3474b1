# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""State machine: no sequence of requests to the gate runs a foreign image.

The deployer was taken over. Meanwhile images are built, tagged and pushed,
and a tag may move at the worst moment.
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
from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.engine.container import REPLACES
from msrv.deployer.engine.docker import API
from msrv.deployer.gate import proxy
from tests.deployer.fake_engine import FakeEngine

REPOSITORY = "wetcoats/msrv"
OTHER = "evil/backdoor"
OWN_TAG = f"{REPOSITORY}:latest"
KEPT = ("msrv-deployer/store:previous", "msrv-deployer/store:before")
FOREIGN_TAGS = (f"{OTHER}:1", "mariadb:11.8", *KEPT)
TAGS = (OWN_TAG, f"{REPOSITORY}:other", *FOREIGN_TAGS)

number = st.integers(0, 50)


class GateMachine(RuleBasedStateMachine):
    """Requests of an intruder, and other changes on the machine."""

    @initialize(tags_make_digests=st.booleans())
    def start(self, *, tags_make_digests: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.engine = FakeEngine(tags_make_digests)
        self.responses: list[str] = []
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
                proxy.create_app(
                    found, DeployConfig(targets={"store": target})
                )
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

    def request(
        self, method: str, path: str, json: object = None, **params: str
    ) -> str:
        async def send() -> str:
            url = URL(f"/{API}/{path}", encoded=True)
            async with self.client.request(
                method, url, json=json, params=params
            ) as answer:
                assert answer.status < 500, await answer.text()
                return await answer.text()

        return self.loop.run_until_complete(send())

    def reference(self, number: int) -> str:
        """Return one of the names and ids of images."""
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
        self.request(
            "POST",
            "containers/create",
            {
                "Image": self.reference(image),
                "Labels": {REPLACES: old["Id"]},
            },
            name=f"{old['Name'].removeprefix('/')}-{end}",
        )

    @rule(image=number, name=st.sampled_from(TAGS))
    def intruder_tags(self, image: int, name: str) -> None:
        repository, _, tag = name.rpartition(":")
        self.request(
            "POST",
            f"images/{self.reference(image)}/tag",
            repo=repository,
            tag=tag,
        )

    @rule(image=number)
    def intruder_pulls(self, image: int) -> None:
        self.request("POST", "images/create", fromImage=self.reference(image))

    @rule(image=number)
    def intruder_inspects(self, image: int) -> None:
        self.responses.append(
            self.request("GET", f"images/{self.reference(image)}/json")
        )

    @rule(which=number, verb=st.sampled_from(["start", "stop"]))
    def intruder_starts_and_stops(self, which: int, verb: str) -> None:
        self.request("POST", f"containers/{self.container(which)}/{verb}")

    @rule(which=number)
    def intruder_renames(self, which: int) -> None:
        self.request(
            "POST",
            f"containers/{self.container(which)}/rename",
            name="msrv-app-1",
        )

    @precondition(lambda self: len(self.engine.containers) > 2)
    @rule(which=number)
    def intruder_removes(self, which: int) -> None:
        self.request(
            "DELETE", f"containers/{self.container(which)}", force="1"
        )

    @rule(name=st.sampled_from(TAGS))
    def operator_builds(self, name: str) -> None:
        """Build an image under a name, which proves nothing."""
        self._move(name)

    @rule(name=st.sampled_from(TAGS))
    def operator_builds_between_check_and_use(self, name: str) -> None:
        self.engine.after_image = lambda: self._move(name)

    def _move(self, name: str) -> None:
        # In containerd's store, a tag in the target's repository is a
        # repository digest: there the operator vouches for the image.
        if self.engine.tags_make_digests and name.startswith(REPOSITORY):
            return
        self.built += 1
        self.engine.tags[name] = self.engine.add_image(f"built {self.built}")

    @rule(repository=st.sampled_from([REPOSITORY, OTHER]))
    def registry_receives_an_image(self, repository: str) -> None:
        self.pushed += 1
        identity = self.engine.add_image(f"pushed {self.pushed}", repository)
        # The registry has it, this machine doesn't.
        del self.engine.images[identity]

    @invariant()
    def no_container_runs_a_foreign_image(self) -> None:
        for identity, each in self.engine.containers.items():
            if identity not in self.before:
                image = self.engine.images[each["Image"]]
                assert image.origin == REPOSITORY
                assert each["Config"]["Image"] == image.id

    @invariant()
    def no_foreign_image_gets_a_target_s_tag(self) -> None:
        for each in self.engine.requests:
            verb, _, path = each.partition(" ")
            if verb == "POST" and path.endswith("/tag"):
                identity = path.removeprefix("images/").removesuffix("/tag")
                assert self.engine.images[identity].origin == REPOSITORY

    @invariant()
    def no_foreign_image_is_shown(self) -> None:
        for image in self.engine.images.values():
            if image.origin != REPOSITORY:
                secret = f"SECRET_OF={image.id}"
                assert not any(secret in each for each in self.responses)


GateMachine.TestCase.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
TestGateMachine = GateMachine.TestCase
