"""The parts of a store behind a test's client."""

from aiohttp import web
from aiohttp.test_utils import TestClient

from msrv.mail.worker import MailWorker
from msrv.web.store import STORE, Store


def store_of(client: TestClient[web.Request, web.Application]) -> Store:
    """Return the parts of the store that a client talks to."""
    assert client.app is not None
    return client.app[STORE]


def mail_of(client: TestClient[web.Request, web.Application]) -> MailWorker:
    """Return what sends the store's mail; it sends some."""
    mail = store_of(client).mail
    assert mail is not None
    return mail
