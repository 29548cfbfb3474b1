# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Policy of the gate: the requests that an update of a target needs. Pure."""

import json
import re
from typing import Any, Final

from msrv.deployer.config_model import (
    KEPT_REPOSITORY,
    KEPT_TAGS,
    DeployConfig,
    Target,
)
from msrv.deployer.engine.container import (
    COMPOSE_PROJECT,
    COMPOSE_SERVICE,
    TARGET,
    belongs_to,
)
from msrv.deployer.errors import DeployerError

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Forbidden(DeployerError):
    """A request that no update of a target needs."""


class Policy:
    """Checks of requests against deploy.toml. Each raises Forbidden."""

    def __init__(self, config: DeployConfig) -> None:
        self.targets: Final = tuple(config.targets.values())

    def target_of(self, container: dict[str, Any]) -> Target:
        """Return the target that a container belongs to."""
        for target in self.targets:
            if belongs_to(target, container):
                return target
        raise Forbidden("the container belongs to no target")

    def check_filters(self, text: str) -> None:
        """Allow listing the containers of one target."""
        try:
            filters = json.loads(text)
            labels = dict(each.split("=", 1) for each in filters["label"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Forbidden("containers are listed by label only") from None
        for target in self.targets:
            if target.project is not None and (
                labels.get(COMPOSE_PROJECT) == target.project
                and labels.get(COMPOSE_SERVICE) == target.service
            ):
                return
            if labels.get(TARGET) == target.name:
                return
        raise Forbidden("the labels are not a target's")

    def check_pull(self, reference: str) -> None:
        """Allow pulling a digest of a target's repository."""
        repository, _, digest = reference.partition("@")
        if not _DIGEST.fullmatch(digest) or not any(
            target.pull and target.repository == repository
            for target in self.targets
        ):
            raise Forbidden("only digests of a target's image are pulled")

    def check_resolve(self, reference: str) -> None:
        """Allow looking up the digest of a target's tag."""
        if reference not in {each.reference for each in self.targets}:
            raise Forbidden("the tag is not a target's")

    def check_image(self, reference: str) -> None:
        """Allow naming a target's image, or any image by its id.

        Whether that image belongs to the target is decided by its
        provenance; neither a name nor an id is evidence of it.
        """
        repository, _, digest = reference.partition("@")
        if _DIGEST.fullmatch(reference):
            return
        if reference in {each.reference for each in self.targets} or any(
            reference == f"{KEPT_REPOSITORY}/{each.name}:{tag}"
            for each in self.targets
            for tag in KEPT_TAGS
        ):
            return
        if _DIGEST.fullmatch(digest) and repository in {
            each.repository for each in self.targets
        }:
            return
        raise Forbidden("the image belongs to no target")

    def check_tag(self, repository: str, tag: str) -> Target:
        """Allow a target's own tag, and those of its kept images."""
        for target in self.targets:
            if (repository, tag) == (target.repository, target.tag):
                return target
            if (
                repository == f"{KEPT_REPOSITORY}/{target.name}"
                and tag in KEPT_TAGS
            ):
                return target
        raise Forbidden("the tag belongs to no target")
