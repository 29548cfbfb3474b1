# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fuzz targets: a function of bytes for each parser, with its invariants.

A target returns if an input was parsed, or refused in the documented way; any
exception is a defect.
"""

import contextlib
import functools
import io
import json
import tempfile
from collections.abc import Callable, Coroutine
from html.parser import HTMLParser
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from msrv import forwarded_headers as forwarded
from msrv import hostnames
from msrv.catalog import markdown
from msrv.catalog.config import release_config, store_config
from msrv.catalog.imports.source_files import ImportRefused
from msrv.catalog.imports.sources import open_source
from msrv.catalog.integrity.inspection import inspect_container
from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.metadata import audio_pictures, tags
from msrv.catalog.metadata.audio_files import NotAudio
from msrv.catalog.metadata.lyrics import (
    lrc_problems,
    parse_lyrics,
    tidy_lyrics,
)
from msrv.catalog.metadata.pdf_pages import MAX_PAGES, count_pages
from msrv.catalog.model import Shop
from msrv.deployer import hook_payloads
from msrv.deployer.config_model import DeployConfig
from msrv.deployer.gate.policy import Forbidden, Policy
from msrv.downloads.ranges import parse_range
from msrv.ledger import events, segments
from msrv.ledger.errors import SpoolVersionMismatch
from msrv.orders.cart import Cart
from msrv.orders.grants.buyer_list import BuyerList, InvalidBuyerList
from msrv.proofs import links, pasted_proofs, quotes, receipts, sign_in
from msrv.proofs.errors import ProofError
from msrv.proofs.keyring import Keyring
from msrv.tls.client_hello import IncompleteHello, NotAHello
from msrv.tls.client_hello import parse as parse_hello
from msrv.toml_file import InvalidConfig
from msrv.translations import negotiation
from msrv.web import forms, rendering
from msrv.web.cookies import parse_cart
from msrv.web.errors import (
    FormTooLarge,
    InvalidField,
    NotAcceptable,
    UnsupportedForm,
)

NONCE: Final = "a nonce for fuzzing alone: 4hV2-xT8q-Kc1M-Rz6b-Wd9s"
_ELEMENTS: Final = set(
    "a blockquote br code em h3 h4 h5 h6 hr li ol p pre s strong table tbody "
    "td th thead tr ul".split()
)
_ATTRIBUTES: Final = {"href", "rel", "title", "class", "start"}
NOW: Final = 1_800_000_000
_PROXIES: Final = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
_SUFFIXES: Final = (".mp3", ".flac", ".ogg", ".m4a", ".wav", ".zip", ".pdf")

_T = TypeVar("_T")
Target = Callable[[bytes], None]


@functools.cache
def _keyring() -> Keyring:
    return Keyring.from_nonces(NONCE, accepts_simulated=True)


@functools.cache
def _policy() -> Policy:
    target = {"name": "store", "repository": "a/b", "containers": ["one"]}
    return Policy(DeployConfig.model_validate({"targets": {"store": target}}))


def _text(data: bytes) -> str:
    """Decode input as header values are: undecodable bytes as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that only ever yields control."""
    while True:
        try:
            work.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # the coroutine's


def form_bodies(data: bytes) -> None:
    """A form is parsed as the standard library does, or refused."""
    try:
        fields = _run(forms.parse(data))
    except (InvalidField, FormTooLarge):
        return
    if data.isascii():
        text = data.decode("ascii")
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
        assert list(fields.items()) == expected


def form_headers(data: bytes) -> None:
    """Only one spelling of the media type is accepted."""
    kind, _, coding = _text(data).partition("\n")
    headers = CIMultiDict({"Content-Type": kind})
    if coding:
        headers["Content-Encoding"] = coding
    try:
        forms.check(headers)
    except UnsupportedForm:
        return
    assert kind.strip().lower().startswith(forms.MEDIA_TYPE)
    assert "charset" not in kind.lower() or "utf-8" in kind.lower()


def cookies(data: bytes) -> None:
    """No cookie adds an item to a cart that isn't for sale."""
    catalog = assemble_catalog(Shop(), [])
    assert not Cart.build(parse_cart(_text(data)), catalog).entries


def accept(data: bytes) -> None:
    """Any Accept header results in a page, JSON or a refusal."""
    text = data.decode("latin-1").translate({10: 32, 13: 32, 0: 32})
    request = make_mocked_request("GET", "/", headers={"Accept": text})
    with contextlib.suppress(NotAcceptable):
        rendering.wants_json(request)
    assert negotiation.negotiate(text)


def ranges(data: bytes) -> None:
    """Each range is within the file."""
    for size in (0, 1, 1000, 2**40):
        found = parse_range(_text(data), size)
        for each in found or ():
            assert 0 <= each.start < each.stop <= size


def forwarded_headers(data: bytes) -> None:
    """An invalid entry has no client: never the proxy itself."""
    values = _text(data).split("\n")
    found = forwarded.client_of("10.0.0.1", values, _PROXIES)
    last = ",".join(values).rpartition(",")[2].strip()
    if last and forwarded.parse_entry(last) is None:
        assert found is None
    assert forwarded.scheme_of(values) in {None, "http", "https"}


def host_names(data: bytes) -> None:
    """An accepted name is ASCII, and converts to itself."""
    try:
        name = hostnames.host_to_ascii(_text(data))
    except hostnames.BadHostname:
        return
    assert name.isascii()
    assert hostnames.host_to_ascii(name) == name


def tokens(data: bytes) -> None:
    """A token that verifies has the one spelling that the store writes."""
    text, ring = _text(data), _keyring()
    with contextlib.suppress(ProofError):
        receipt = receipts.read(ring, text)
        assert text in {
            receipts.sign(ring, receipt),
            receipts.sign_jws(ring, receipt),
        }
    with contextlib.suppress(ProofError):
        assert quotes.sign(ring, quotes.read(ring, text, NOW)) == text
    for kind in sign_in.TicketKind:
        with contextlib.suppress(ProofError):
            sign_in.read(ring, kind, text, NOW)
    with contextlib.suppress(ProofError):
        links.verify_path(ring, text, NOW)


def pasted_text(data: bytes) -> None:
    """A link found in a text is valid, and has its one spelling."""
    text = _text(data)
    found = pasted_proofs.find(_keyring(), text, NOW)
    if found is not None:
        assert pasted_proofs.find(_keyring(), found.path, NOW) == found
    assert len(list(filter(None, pasted_proofs.search_codes(text)))) <= 4


def spool_segments(data: bytes) -> None:
    """A torn or damaged segment is read to its end, in any steps."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path, start, steps = Path(file.name), 0, 0
        while True:
            try:
                found = segments.read_records(path, start, most=7)
            except SpoolVersionMismatch:
                return
            for event in found.events:
                assert (
                    events.event_from_json(events.event_to_json(event))
                    == event
                )
            steps += 1
            if found.is_last:
                return
            assert found.next_byte > start
            start = found.next_byte
            assert steps <= len(data)


def spool_events(data: bytes) -> None:
    """A parsed event is written so that it parses to the same event."""
    try:
        event = events.event_from_json(data)
    except ValueError:
        return
    assert events.event_from_json(events.event_to_json(event)) == event


def config_files(data: bytes) -> None:
    """store.toml and release.toml are parsed, or refused with problems."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(InvalidConfig):
        store_config.parse_store("store.toml", text)
    with contextlib.suppress(InvalidConfig):
        release_config.parse_release("release.toml", text, Shop())


class _Elements(HTMLParser):
    """Check of the elements and attributes of a text."""

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Refuse what could run, load or break the page."""
        assert tag in _ELEMENTS
        assert {name for name, _ in attrs} <= _ATTRIBUTES


def texts(data: bytes) -> None:
    """Markdown becomes a few harmless elements, and lyrics tidy lines."""
    text = data.decode("utf-8", "replace")
    titled = markdown.split_title(text)
    html = markdown.render(titled.body, is_own=True).html
    _Elements().feed(html)
    found = parse_lyrics(text)
    times = found.times or (None,) * len(found.lines)
    pairs = zip(times, found.lines, strict=True)
    assert tidy_lyrics(pairs, found.language) == found
    assert len(list(lrc_problems(text))) <= len(text.splitlines())


def sound_tags(data: bytes) -> None:
    """Tags, pictures, durations and pages are read, or refused."""
    suffix = _SUFFIXES[data[0] % len(_SUFFIXES)] if data else ".mp3"
    content = data[1:]

    def opened() -> io.BytesIO:
        file = io.BytesIO(content)
        file.name = f"sound{suffix}"
        return file

    with contextlib.suppress(NotAudio):
        found = tags.read_tags(opened())
        assert tags.Tags.from_facts(json.loads(json.dumps(found.to_facts())))
    with contextlib.suppress(audio_pictures.NoEmbeddedPicture):
        audio_pictures.read_picture(opened())
    inspect_container(opened(), suffix)
    pages = count_pages(opened())
    assert pages is None or 0 < pages <= MAX_PAGES


def gate(data: bytes) -> None:
    """The gate only allows requests that name the target."""
    text, rules = _text(data), _policy()
    with contextlib.suppress(Forbidden):
        rules.check_filters(text)
        assert "store" in text
    for check in (rules.check_pull, rules.check_resolve):
        with contextlib.suppress(Forbidden):
            check(text)
            assert text.startswith("a/b")
    name, _, tag = text.rpartition(":")
    with contextlib.suppress(Forbidden):
        assert rules.check_tag(name, tag).name == "store"


def hooks(data: bytes) -> None:
    """Bodies of webhooks are parsed, or refused with a reason."""
    try:
        body = hook_payloads.parse_object(data)
    except hook_payloads.InvalidPayload:
        return
    for read in (
        hook_payloads.parse_dockerhub,
        hook_payloads.parse_generic,
    ):
        with contextlib.suppress(hook_payloads.InvalidPayload):
            read(body)
    with contextlib.suppress(hook_payloads.InvalidPayload):
        list(hook_payloads.parse_registry(body))


def import_zips(data: bytes) -> None:
    """A ZIP is refused, or its files stay in a folder, and as they state."""
    with (
        tempfile.NamedTemporaryFile(suffix=".zip") as file,
        contextlib.ExitStack() as stack,
        contextlib.suppress(ImportRefused, OSError),
    ):
        file.write(data)
        file.flush()
        for each in open_source(Path(file.name), stack).files:
            assert not each.name.startswith(("/", "."))
            assert ".." not in each.name.split("/")
            with each.open() as opened:
                while opened.read(1 << 16):
                    pass


def client_hellos(data: bytes) -> None:
    """The first bytes of a TLS connection are parsed, or refused."""
    with contextlib.suppress(IncompleteHello, NotAHello):
        found = parse_hello(data)
        assert len(found.server_name) + sum(map(len, found.protocols)) <= (
            len(data)
        )


def buyer_lists(data: bytes) -> None:
    """Each row of a list has an address, or the list is refused."""
    with contextlib.suppress(InvalidBuyerList):
        found = BuyerList(io.BytesIO(data), "list", ("Night Bus",))
        counts = found.check()
        buyers = list(found)
        assert len(buyers) == counts.buyers
        assert all("@" in each.address for each in buyers)


TARGETS: Final[dict[str, Target]] = {
    each.__name__: each
    for each in (
        form_bodies,
        form_headers,
        cookies,
        accept,
        ranges,
        forwarded_headers,
        host_names,
        tokens,
        pasted_text,
        spool_segments,
        spool_events,
        config_files,
        texts,
        sound_tags,
        import_zips,
        buyer_lists,
        client_hellos,
        gate,
        hooks,
    )
}
