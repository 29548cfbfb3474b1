# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The route table, and everything else that lists the store's addresses."""

import re
from pathlib import Path

import pytest

from msrv.web.routes import ROUTES
from msrv.web.shop.media import ROBOTS
from msrv.web.studio.routes import STUDIO

ROOT = Path(__file__).parents[2]
NGINX = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text("utf-8")
DOCUMENT = (ROOT / "docs" / "http.md").read_text("utf-8")

PAGES = [
    route for route in (*ROUTES, *STUDIO) if route.method in {"GET", "POST"}
]
TOKENS = re.compile(r"\{(?:receipt|pop|poe|quote)\}")
NOT_OURS = {"hook"}
"""Names in nginx's map that stand for addresses of another program."""


def without_names(path: str) -> str:
    """Return a path with every parameter as `{}`."""
    return re.sub(r"\{[^}]*\}+", "{}", path)


def edge_rules() -> list[tuple[str, str]]:
    """Return the rules of nginx's log map, in order: expression and name."""
    table = NGINX.split("log_format")[0]
    return re.findall(r"^\s+~(\^\S+?)\s+([\w-]+);$", table, re.MULTILINE)


def edge_name(path: str) -> str:
    """Return what nginx's log calls a path."""
    example = without_names(path).replace("{}", "x")
    names = [name for rule, name in edge_rules() if re.match(rule, example)]
    return names[0] if names else "other"


def edge_zone(request: str) -> str:
    """Return the zone in which nginx counts a method's kind and a path."""
    table = NGINX.partition('$uri" $kind_of_request {')[2].partition("\n    }")
    rules = re.findall(
        r'^\s+"?~(\^[^"]+?)"?\s+(\w+);$', table[0], re.MULTILINE
    )
    assert len(rules) > 5
    zones = [zone for rule, zone in rules if re.search(rule, request)]
    return zones[0] if zones else "look"


@pytest.mark.parametrize(
    ("request_kind", "zone"),
    [
        ("look /catalog", "look"),
        # Each can start ffmpeg, unlike the files below.
        ("look /previews/x", "look"),
        ("look /waveforms/x", "look"),
        ("look /covers/x/160", "file"),
        ("look /static/store.css", "file"),
        ("look /theme.css", "file"),
        ("look /verify", "look_up"),
        ("lookdiscount /cart", "look_up"),
        ("change /cart", "change"),
    ],
)
def test_edge_limits_requests_by_their_cost(
    request_kind: str, zone: str
) -> None:
    assert edge_zone(request_kind) == zone


def test_route_names_are_unique() -> None:
    """A name in the logs and metrics stands for one route."""
    names = [route.kwargs["name"] for route in (*ROUTES, *STUDIO)]
    assert len(names) == len(set(names))


def test_every_route_is_documented() -> None:
    """docs/http.md has a row for each address and method."""
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    documented = {
        (method, without_names(path))
        for row in rows
        for method, path in re.findall(r"`(GET|POST) (/[^?`]*)[^`]*`", row)
    }
    routes = {(each.method, without_names(each.path)) for each in PAGES}
    assert routes - documented == set()


def test_every_documented_address_is_a_route() -> None:
    """docs/http.md has no row for an address that doesn't exist."""
    routes = {(each.method, without_names(each.path)) for each in PAGES}
    rows = re.findall(r"`(GET|POST) (/[^?`]*)[^`]*`", DOCUMENT)
    assert len(rows) > 30
    for method, path in rows:
        assert (method, without_names(path)) in routes


def test_every_route_has_a_name_in_the_log_of_the_edge() -> None:
    """nginx's map of routes knows each address."""
    paths = [each.path for each in PAGES]
    assert [each for each in paths if edge_name(each) == "other"] == []


def test_every_name_in_the_log_of_the_edge_has_a_route() -> None:
    """nginx's map of routes has no rule that no address matches."""
    used = {edge_name(route.path) for route in PAGES}
    assert len(edge_rules()) > 10
    assert {name for _, name in edge_rules()} - used == NOT_OURS


def test_addresses_with_a_token_are_disallowed_for_crawlers() -> None:
    """robots.txt covers every address that holds a receipt or a link."""
    disallowed = re.findall(r"^Disallow: (\S+)$", ROBOTS, re.MULTILINE)
    with_token = [each.path for each in ROUTES if TOKENS.search(each.path)]
    assert len(with_token) > 3
    for path in with_token:
        assert path.startswith(tuple(disallowed))


def test_every_disallowed_address_is_a_route() -> None:
    """robots.txt names no address that doesn't exist."""
    disallowed = re.findall(r"^Disallow: (\S+)$", ROBOTS, re.MULTILINE)
    assert disallowed
    for prefix in disallowed:
        assert any(route.path.startswith(prefix) for route in ROUTES)
