# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Handlers of the three kinds of hook: authorise, parse, queue."""

import hashlib
import logging
from collections.abc import Iterable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from msrv.deployer import hook_payloads
from msrv.deployer.app_keys import (
    CLOCK,
    CONFIG,
    GUARD,
    JOURNAL,
    METRICS,
    QUEUE,
    SETTINGS,
)
from msrv.deployer.auth import (
    Denied,
    RecentSignatures,
    is_replay,
    is_signed,
    secrets_equal,
)
from msrv.deployer.config_model import Target
from msrv.deployer.hook_payloads import InvalidPayload, Push
from msrv.deployer.rollout.deployment import (
    Deployment,
    DeploymentState,
    new_id,
)
from msrv.deployer.rollout.journal import TargetState
from msrv.forwarded_headers import Address, client_of
from msrv.rate_limit import RateLimited
from msrv.tasks import finish

log = logging.getLogger(__name__)

_SIGNATURE: Final = "X-Hub-Signature-256"
_TIMESTAMP: Final = "X-MSRV-Timestamp"
_BEARER: Final = "Bearer "
_REPLAY: Final = "it is a replay"


async def dockerhub(request: web.Request) -> web.Response:
    """Accept a hook of Docker Hub, which signs nothing: the path is secret."""
    target = _target(request)
    secret = target.dockerhub_secret if target else None
    authorised = _authorise(
        request,
        target,
        genuine=secrets_equal(
            request.match_info["secret"],
            secret.get_secret_value() if secret else None,
        ),
    )
    data = hook_payloads.parse_object(await _read_body(request))
    push = hook_payloads.parse_dockerhub(data)
    return await _queue_deployment(request, authorised, [push])


async def generic(request: web.Request) -> web.Response:
    """Accept a hook signed in GitHub's manner, with an optional timestamp."""
    target = _target(request)
    # The signature is over the body, which has to be read before it.
    request.app[GUARD].check_client(_client(request))
    body = await _read_body(request)
    secret = target.generic_secret if target else None
    signature = request.headers.get(_SIGNATURE, "")
    timestamp = request.headers.get(_TIMESTAMP)
    authorised = _authorise(
        request,
        target,
        genuine=is_signed(
            signature,
            body,
            secret.get_secret_value() if secret else None,
            timestamp,
            request.app[CLOCK](),
            without_timestamp=target is not None
            and target.generic_without_timestamp,
        ),
    )
    push = hook_payloads.parse_generic(hook_payloads.parse_object(body))
    # The digest is enough, and is no secret.
    digest = hashlib.sha256(signature.encode()).hexdigest()[:32]
    return await _queue_deployment(request, authorised, [push], digest)


async def registry(request: web.Request) -> web.Response:
    """Accept events of a CNCF distribution registry, by a bearer token."""
    target = _target(request)
    token = target.registry_token if target else None
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    authorised = _authorise(
        request,
        target,
        genuine=secrets_equal(
            given.removeprefix(_BEARER),
            token.get_secret_value() if token else None,
        )
        and given.startswith(_BEARER),
    )
    data = hook_payloads.parse_object(await _read_body(request))
    pushes = hook_payloads.parse_registry(data)
    return await _queue_deployment(request, authorised, pushes)


@web.middleware
async def error_middleware(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Respond to errors with a status, and with no detail for strangers."""
    kind = request.match_info.route.name or "none"
    metrics = request.app[METRICS]
    try:
        return await handler(request)
    except Denied:
        metrics.count_hook(kind, "refused")
        raise web.HTTPNotFound(text="404: Not Found") from None
    except RateLimited as error:
        metrics.count_hook(kind, "limited")
        raise web.HTTPTooManyRequests(
            headers={hdrs.RETRY_AFTER: str(error.retry_after_seconds)}
        ) from None
    except InvalidPayload as error:
        metrics.count_hook(kind, "unreadable")
        raise web.HTTPBadRequest(text=f"{error}\n") from None


def _target(request: web.Request) -> Target | None:
    return request.app[CONFIG].targets.get(request.match_info["target"])


def _client(request: web.Request) -> Address | None:
    return client_of(
        request.remote,
        request.headers.getall("X-Forwarded-For", []),
        request.app[SETTINGS].trusted_proxies,
    )


def _authorise(
    request: web.Request, target: Target | None, *, genuine: bool
) -> Target:
    return request.app[GUARD].authorise(
        target, _client(request), genuine=genuine
    )


async def _read_body(request: web.Request) -> bytes:
    """Return the body. One with too great a Content-Length isn't read."""
    length = request.content_length
    if length is not None and length > hook_payloads.MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(hook_payloads.MAX_BYTES, length)
    return await request.read()


def _mark_as_seen(
    state: TargetState, push: Push, signature: str, now: float
) -> bool:
    """Record a hook in memory, and return whether it is new.

    Nothing is awaited between the look-up and the update: of two that come at
    once, one is the replay.
    """
    signatures = RecentSignatures(state.signatures)
    if signature and not signatures.add(signature):
        return False
    state.signatures = list(signatures)
    return not push.fingerprints or not is_replay(
        state.hooks_seen_at, push.fingerprints, int(now)
    )


async def _submit(
    request: web.Request, target: Target, push: Push, signature: str
) -> Deployment:
    """Queue a deployment, and only then save that its hook was seen.

    A hook that is lost in between is accepted when it is sent again.
    """
    journal = request.app[JOURNAL]
    state = journal.target_state(target.name)
    kind = request.match_info.route.name or "none"
    try:
        deployment = await request.app[QUEUE].submit(
            target.name, kind, push.callback_url
        )
    except BaseException:
        state.signatures = [
            each for each in state.signatures if each != signature
        ]
        for each in push.fingerprints:
            state.hooks_seen_at.pop(each, None)
        raise
    await journal.save_target_states()
    return deployment


async def _queue_deployment(
    request: web.Request,
    target: Target,
    pushes: Iterable[Push],
    signature: str = "",
) -> web.Response:
    """Queue a deployment for the first push of the target's image.

    A `signature` is the digest of one, and is accepted once.
    """
    kind = request.match_info.route.name or "none"
    state = request.app[JOURNAL].target_state(target.name)
    reasons = []
    for push in pushes:
        reason = hook_payloads.mismatch(push, target)
        if reason is not None:
            reasons.append(reason)
            continue
        if not _mark_as_seen(state, push, signature, request.app[CLOCK]()):
            reasons.append(_REPLAY)
            continue
        # Even for a client that has given up: its next attempt is a replay.
        deployment = await finish(_submit(request, target, push, signature))
        request.app[METRICS].count_hook(kind, "taken")
        log.info(
            "%s: accepted a hook (%s)",
            target.name,
            kind,
            extra={
                "fields": {
                    "target": target.name,
                    "kind": kind,
                    "deployment": deployment.id,
                    "client": str(_client(request)),
                }
            },
        )
        return _accepted(deployment.id, str(DeploymentState.QUEUED))
    return _ignored(
        request, target, reasons[0] if reasons else "it reports no push"
    )


def _ignored(
    request: web.Request, target: Target, reason: str
) -> web.Response:
    kind = request.match_info.route.name or "none"
    request.app[METRICS].count_hook(kind, "ignored")
    hook_id = new_id()
    log.info(
        "%s: ignored a hook (%s): %s",
        target.name,
        kind,
        reason,
        extra={"fields": {"target": target.name, "id": hook_id}},
    )
    return _accepted(hook_id, "ignored")


def _accepted(hook_id: str, state: str) -> web.Response:
    return web.json_response({"id": hook_id, "state": state}, status=202)
