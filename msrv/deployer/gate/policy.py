"""The gate's rules: what belongs to a target, and what is none of it. Pure."""

import json
import re
from typing import Any, Final

from msrv.deployer.config_model import Config, Target
from msrv.deployer.errors import DeployerError
from msrv.deployer.rollout.discovery import PROJECT, SERVICE, is_of

KEPT: Final = "msrv-deployer"
"""The repository, on this machine alone, of images that are kept."""
_KEPT_TAGS: Final = frozenset({"before", "previous"})
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class NotAllowed(DeployerError):
    """What an update of the targets does not need."""


class Rules:
    """What deploy.toml allows."""

    def __init__(self, config: Config) -> None:
        self._targets = list(config.targets.values())

    def target_of(self, container: dict[str, Any]) -> Target:
        """Find whose a container is. Raises NotAllowed."""
        for target in self._targets:
            if is_of(target, container):
                return target
        raise NotAllowed("a container of no target")

    def check_filters(self, text: str) -> None:
        """Allow to list the containers of one target."""
        try:
            filters = json.loads(text)
            labels = dict(each.split("=", 1) for each in filters["label"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NotAllowed("a list of everything") from None
        for target in self._targets:
            if target.project is not None and (
                labels.get(PROJECT) == target.project
                and labels.get(SERVICE) == target.service
            ):
                return
            if labels.get("msrv.deployer.target") == target.name:
                return
        raise NotAllowed("a list of no target's containers")

    def check_pulled(self, reference: str) -> None:
        """Allow a digest of a target's repository."""
        repository, _, digest = reference.partition("@")
        if not _DIGEST.fullmatch(digest) or not any(
            target.pull and target.repository == repository
            for target in self._targets
        ):
            raise NotAllowed("an image of no target, or by no digest")

    def check_asked(self, reference: str) -> None:
        """Allow to ask what a target's tag stands for."""
        if reference not in {each.reference for each in self._targets}:
            raise NotAllowed("a tag of no target")

    def check_image(self, reference: str) -> None:
        """Allow to name an image of a target, or any by its id.

        Whether that image belongs to the target, its provenance decides: a
        name or an id is no evidence of it.
        """
        repository, _, digest = reference.partition("@")
        if _DIGEST.fullmatch(reference):
            return
        if reference in {each.reference for each in self._targets} or any(
            reference == f"{KEPT}/{each.name}:{tag}"
            for each in self._targets
            for tag in _KEPT_TAGS
        ):
            return
        if _DIGEST.fullmatch(digest) and repository in {
            each.repository for each in self._targets
        }:
            return
        raise NotAllowed("an image of no target")

    def check_tag(self, repository: str, tag: str) -> Target:
        """Allow a target's own tag, and those of images that are kept."""
        for target in self._targets:
            if (repository, tag) == (target.repository, target.tag):
                return target
            if repository == f"{KEPT}/{target.name}" and tag in _KEPT_TAGS:
                return target
        raise NotAllowed("a name of no target")

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets, in the order of deploy.toml."""
        return tuple(self._targets)
