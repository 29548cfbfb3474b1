"""What can go wrong between a hook and a new container.

DeployerError
    WrongConfig         deploy.toml can't be used; one line, with its line
    EngineError         the engine answered, and said no
        NoSuchThing     it has no such container or image
        PullFailed      the registry or the disk said no
    EngineAway          the engine can't be reached, or is silent
    RolloutFailed       the new containers are no good; the old serve
        NotHealthy      one crashed, or did not get healthy in time
        CantReplace     a container that can't be replaced as configured
    Unsafe              an address that must not be asked
"""


class DeployerError(Exception):
    """Any of these; its text is a sentence for an operator."""


class WrongConfig(DeployerError):
    """deploy.toml can't be used; says where, and the fix."""


class EngineError(DeployerError):
    """The engine answered, and refused; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoSuchThing(EngineError):
    """The engine knows no such container or image."""


class PullFailed(EngineError):
    """An image did not arrive."""


class EngineAway(DeployerError):
    """The engine can't be reached, or did not answer in time.

    Nothing is known of what it did with the last request.
    """


class RolloutFailed(DeployerError):
    """The update can't be made; `lines` are the container's last words."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class NotHealthy(RolloutFailed):
    """A new container crashed, or did not get healthy in time."""


class CantReplace(RolloutFailed):
    """A container that can't be replaced in the way that was asked for."""


class Unsafe(DeployerError):
    """An address that must not be asked: another host, or a private one."""
