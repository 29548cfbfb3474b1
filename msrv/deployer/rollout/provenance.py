"""Provenance of images: whether one belongs to a target.

Apart from the rules of the gate, which ask nothing of the engine.

A name proves nothing, since whoever may tag gives any image any name. The
repository digests of an image do: the engine writes them down when it pulls.
"""

import re
from typing import Any, Final

from msrv.deployer.config_model import Place, Target, without_tag
from msrv.deployer.docker import Engine
from msrv.deployer.rollout.discovery import containers_of

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


async def is_of(engine: Engine, target: Target, image: dict[str, Any]) -> bool:
    """Whether containers of the target may be made of an image.

    It was pulled from the target's repository; or a container of the target
    is made of it already, so that an update that fails can be undone also
    where the image before it came another way.
    """
    if is_of_registry(target, image) or is_local(target, image):
        return True
    return any(
        each["Image"] == image["Id"]
        for each in await containers_of(engine, target)
    )


def is_of_registry(target: Target, image: dict[str, Any]) -> bool:
    """Whether an image was pulled from the target's repository.

    By its repository digests alone; the names of kept images are no
    evidence either.
    """
    for each in image.get("RepoDigests") or ():
        repository, _, digest = str(each).partition("@")
        if _DIGEST.fullmatch(digest) and Place.of(repository) == target.place:
            return True
    return False


def is_local(target: Target, image: dict[str, Any]) -> bool:
    """Whether an image made on this machine is the target's by its name.

    Only for a target with `pull = false`, and only by a tag of the target's
    own repository. The gate gives no image such a name that it does not have
    already (`Rules.check_tag` and what follows it), so the operator gave it.
    """
    if target.pull:
        return False
    names = [without_tag(str(each))[0] for each in image.get("RepoTags") or ()]
    return any(Place.of(name) == target.place for name in names)
