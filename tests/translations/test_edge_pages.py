# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx's own pages are in the visitor's language."""

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.error import HTTPError

import edge_texts
import pytest

from msrv.translations import Language, gettext, language_set_to
from tests.optional_programs import require
from tests.store_process import START_SECONDS, free_port

PAGES: Final = edge_texts.CONFIG.parent / "pages"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run nginx with the template's maps and pages; return its address."""
    program = shutil.which("nginx")
    require(
        "nginx", available=program is not None, reason="nginx is not installed"
    )
    assert program
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    template = edge_texts.CONFIG.read_text("utf-8")
    kinds = re.search(r"(?ms)^map \$http_accept .*?^\}", template)
    pages = re.search(r"(?ms)^    location /-/pages/ \{.*?^    \}", template)
    assert kinds
    assert pages
    location = pages[0].replace("/etc/nginx/pages/", f"{PAGES}/")
    kept = " ".join(
        f"{name}_temp_path {folder};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        "http { include /etc/nginx/mime.types; access_log off;\n"
        f"{kept}\n{kinds[0]}\n{edge_texts.texts()}\n"
        'map "" $hsts { default "max-age=1"; }\n'
        f"server {{ listen 127.0.0.1:{port};\n"
        "error_page 503 /-/pages/away.$page_kind;\n"
        "error_page 429 /-/pages/busy.$page_kind;\n"
        "location = /busy { return 429; }\n"
        f"location / {{ return 503; }}\n{location}\n}} }}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                fetch(address)
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def fetch(address: str, **headers: str) -> tuple[int, str]:
    """Return a response's status and text."""
    request = urllib.request.Request(
        address,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("sv-SE, sv;q=0.9, pl;q=0.8, de;q=0.7", "pl"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("ar", "ar"),
        ("defa, x" + ", y" * 2000, "en"),
        ('"><script>', "en"),
    ],
)
def test_page_is_in_the_first_known_language(
    edge: str, wanted: str, language: str
) -> None:
    direction = "rtl" if language == "ar" else "ltr"
    for path, status, message in (
        ("/", 503, "The store is being updated"),
        ("/busy", 429, "Too many requests"),
    ):
        found = fetch(f"{edge}{path}", Accept_Language=wanted)
        with language_set_to(Language(language, language)):
            title, again = gettext(message), gettext("Try again")
        assert found[0] == status
        page = unescape(found[1])
        assert f'<html lang="{language}" dir="{direction}">' in page
        assert f"<title>{title}</title>" in page
        assert f"<h1>{title}</h1>" in page
        assert f">{again}</a>" in page
        assert "<!--#" not in page
        assert "(none)" not in page


def test_json_has_no_includes(edge: str) -> None:
    status, text = fetch(edge, Accept="application/json", Accept_Language="de")
    assert (status, text) == (503, (PAGES / "away.json").read_text("utf-8"))


def test_texts_are_those_of_the_messages() -> None:
    config = edge_texts.CONFIG.read_text("utf-8")
    assert edge_texts.updated(config) == config


def test_quoted_texts_end_where_they_should() -> None:
    assert edge_texts._quoted('a "b" \\') == '"a \\"b\\" \\\\"'
    with pytest.raises(ValueError, match=r"\$5"):
        edge_texts._quoted("$5")
