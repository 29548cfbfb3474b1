"""The three hooks: who may call, what it says, and an id at once."""

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
    DESK,
    FIGURES,
    JOURNAL,
    QUEUE,
    SETTINGS,
)
from msrv.deployer.auth import NotHere, TooMany
from msrv.deployer.config_model import Target
from msrv.deployer.hook_payloads import Hint, Unreadable
from msrv.deployer.replays import is_replay
from msrv.deployer.rollout.deployment import State, new_id
from msrv.deployer.signatures import Seen, is_signed, same
from msrv.forwarded import Address, client_of

log = logging.getLogger(__name__)

_SIGNATURE: Final = "X-Hub-Signature-256"
_TIMESTAMP: Final = "X-MSRV-Timestamp"
_BEARER: Final = "Bearer "


async def dockerhub(request: web.Request) -> web.Response:
    """Take Docker Hub's; it signs nothing, so the path holds a secret."""
    target = _target(request)
    secret = target.dockerhub_secret if target else None
    found = _decide(
        request,
        target,
        genuine=same(
            request.match_info["secret"],
            secret.get_secret_value() if secret else None,
        ),
    )
    data = hook_payloads.parse(await _body(request))
    return await _answer(request, found, [hook_payloads.dockerhub(data)])


async def generic(request: web.Request) -> web.Response:
    """Take one that is signed as GitHub signs, with a time beside it."""
    target = _target(request)
    # The signature is over the body, so this one has to be read first.
    request.app[DESK].before_reading(_client(request))
    body = await _body(request)
    secret = target.generic_secret if target else None
    given = request.headers.get(_SIGNATURE, "")
    timestamp = request.headers.get(_TIMESTAMP)
    found = _decide(
        request,
        target,
        genuine=is_signed(
            given,
            body,
            secret.get_secret_value() if secret else None,
            timestamp,
            request.app[CLOCK](),
            without_timestamp=target is not None
            and target.generic_without_timestamp,
        ),
    )
    data = hook_payloads.parse(body)
    hint = hook_payloads.generic(data)
    if await _is_replay(request, found, given):
        return _ignored(request, found, "it was here before")
    return await _answer(request, found, [hint])


async def registry(request: web.Request) -> web.Response:
    """Take a CNCF distribution registry's events, with a bearer token."""
    target = _target(request)
    token = target.registry_token if target else None
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    found = _decide(
        request,
        target,
        genuine=same(
            given.removeprefix(_BEARER),
            token.get_secret_value() if token else None,
        )
        and given.startswith(_BEARER),
    )
    data = hook_payloads.parse(await _body(request))
    return await _answer(request, found, hook_payloads.registry(data))


@web.middleware
async def plainly(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Turn what is refused into as little as can be said."""
    kind = request.match_info.route.name or "none"
    figures = request.app[FIGURES]
    try:
        return await handler(request)
    except NotHere:
        figures.hook(kind, "refused")
        raise web.HTTPNotFound(text="404: Not Found") from None
    except TooMany as error:
        figures.hook(kind, "limited")
        raise web.HTTPTooManyRequests(
            headers={hdrs.RETRY_AFTER: str(error.seconds)}
        ) from None
    except Unreadable as error:
        figures.hook(kind, "unreadable")
        raise web.HTTPBadRequest(text=f"{error}\n") from None


def _target(request: web.Request) -> Target | None:
    return request.app[CONFIG].targets.get(request.match_info["target"])


def _client(request: web.Request) -> Address | None:
    return client_of(
        request.remote,
        request.headers.getall("X-Forwarded-For", []),
        request.app[SETTINGS].trusted_proxies,
    )


def _decide(
    request: web.Request, target: Target | None, *, genuine: bool
) -> Target:
    return request.app[DESK].decide(target, _client(request), genuine=genuine)


async def _body(request: web.Request) -> bytes:
    """Read the body; one that says it is too long isn't begun with."""
    length = request.content_length
    if length is not None and length > hook_payloads.MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(hook_payloads.MAX_BYTES, length)
    return await request.read()


async def _is_replay(
    request: web.Request, target: Target, signature: str
) -> bool:
    """Whether this signature was here before, also before a restart."""
    journal = request.app[JOURNAL]
    memory = journal.memory(target.name)
    seen = Seen(memory.seen)
    # A digest: what is kept need not be what was sent.
    if seen.again(hashlib.sha256(signature.encode()).hexdigest()[:32]):
        return True
    memory.seen = list(seen)
    await journal.save_memories()
    return False


async def _came_recently(
    request: web.Request, target: Target, hint: Hint
) -> bool:
    """Whether this hook came within ten minutes, also before a restart."""
    if not hint.identities:
        return False
    journal = request.app[JOURNAL]
    recent = journal.memory(target.name).recent
    # Nothing is awaited between looking and remembering: of two that come
    # at once, one is the replay.
    if is_replay(recent, hint.identities, int(request.app[CLOCK]())):
        return True
    await journal.save_memories()
    return False


async def _answer(
    request: web.Request, target: Target, hints: Iterable[Hint]
) -> web.Response:
    """Queue a deployment if a hint is about this target, or say why not."""
    kind = request.match_info.route.name or "none"
    reasons = []
    for hint in hints:
        reason = hook_payloads.why_not(hint, target)
        if reason is not None:
            reasons.append(reason)
            continue
        if await _came_recently(request, target, hint):
            reasons.append("it was here before")
            continue
        deployment = await request.app[QUEUE].submit(
            target.name, kind, hint.callback_url
        )
        request.app[FIGURES].hook(kind, "taken")
        log.info(
            "%s: a hook (%s)",
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
        return _accepted(deployment.id, str(State.QUEUED))
    return _ignored(
        request, target, reasons[0] if reasons else "it is about no push"
    )


def _ignored(
    request: web.Request, target: Target, reason: str
) -> web.Response:
    kind = request.match_info.route.name or "none"
    request.app[FIGURES].hook(kind, "ignored")
    made = new_id()
    log.info(
        "%s: ignored a hook (%s): %s",
        target.name,
        kind,
        reason,
        extra={"fields": {"target": target.name, "id": made}},
    )
    return _accepted(made, "ignored")


def _accepted(made: str, state: str) -> web.Response:
    return web.json_response({"id": made, "state": state}, status=202)
