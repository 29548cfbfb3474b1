# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of the deployer. Each text is a sentence for an operator.

DeployerError
    WrongConfig         deploy.toml can't be used
    EngineError         the engine refused a request
        NoSuchObject    no such container or image
        PullFailed      an image can't be pulled
    EngineUnavailable   the engine can't be reached, or doesn't answer
    RolloutFailed       the update failed; the old containers serve
        NotHealthy      a new container crashed or did not become healthy
        NotReplaceable  a container can't be replaced as configured
    UnsafeAddress       an address that must not be requested
    DeliveryFailed      a notification was not accepted
    WorkerStopped       no deployment can run in this process any more
    RequestFailed       the command line can't reach the deployer

`Denied` and `InvalidPayload`, which answer a request, are in `auth` and
`hook_payloads`; `Forbidden`, the gate's own, is in `gate.policy`.
"""


class DeployerError(Exception):
    """Base of the deployer's errors."""


class WrongConfig(DeployerError):
    """deploy.toml can't be used; the text has the line and the fix."""


class EngineError(DeployerError):
    """The engine refused a request; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NoSuchObject(EngineError):
    """The engine has no such container or image."""


class PullFailed(EngineError):
    """The registry or the disk refused an image."""


class EngineUnavailable(DeployerError):
    """The engine can't be reached, or did not answer in time.

    Nothing is known of what it did with the last request.
    """


class RolloutFailed(DeployerError):
    """The update failed; `lines` are the new container's last log lines."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class NotHealthy(RolloutFailed):
    """A new container crashed, or did not become healthy in time."""


class NotReplaceable(RolloutFailed):
    """A container that can't be replaced with the configured strategy."""


class UnsafeAddress(DeployerError):
    """An address on another host than allowed, or a private one."""


class DeliveryFailed(DeployerError):
    """A notification was not answered with a 2xx status."""


class WorkerStopped(DeployerError):
    """No deployment can run in this process any more; restart it."""


class RequestFailed(DeployerError):
    """The deployer can't be reached or refuses; the text has the fix."""
