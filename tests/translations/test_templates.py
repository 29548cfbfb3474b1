# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Templates have no text that isn't marked, in any branch."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment

import msrv
from msrv.translations.templates import EXTENSIONS
from tests.translations.pseudo import literal_texts

ROOT = Path(msrv.__file__).parent
TEMPLATES = [
    path
    for folder in ("web/templates", "mail/templates")
    for path in sorted((ROOT / folder).rglob("*.html"))
]
SCRIPTS = sorted((ROOT / "web" / "static").glob("*.js"))
SHOWN = re.compile(
    r"(?:textContent|innerText|innerHTML|title|placeholder|alt|ariaLabel)"
    r"\s*=\s*[\"'`][^\"'`]*[A-Za-z]"
    r"|setAttribute\(\s*[\"'](?:aria-label|title|alt)[\"'],"
    r"\s*[\"'`][^\"'`]*[A-Za-z]"
)
"""A text in a script, where it becomes part of the page."""
ENVIRONMENT = Environment(extensions=EXTENSIONS, autoescape=True)


@pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert literal_texts(ENVIRONMENT, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{{ _('Go') }}</p>", []),
        ("<p>Go</p>", ["Go"]),
        ("{% if a %}<p>{% else %}Stop{% endif %}", ["Stop"]),
        ("{% trans n=1 %}one{% pluralize %}two{% endtrans %}", []),
        ("{% block body_class %}front{% endblock %}", []),
        ("{% trans %}Go{% endtrans %} now", ["now"]),
        ('<a aria-label="Go" class="b"></a>', ["Go"]),
        ('<img alt="Cover of {{ title }}">', ["Cover of"]),
        ('<input type="submit" value="Send"><input value="x">', ["Send"]),
        ("{# a comment #}<script>go()</script><code>abc</code>", []),
        ("<p>SHA-256 {{ digest }}</p>", []),
        ('<option lang="de">Deutsch</option>', []),
    ],
)  # fmt: skip
def test_unmarked_texts_are_found(source: str, found: list[str]) -> None:
    assert literal_texts(ENVIRONMENT, source) == found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_get_their_texts_from_the_page(path: Path) -> None:
    assert not SHOWN.search(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ('button.textContent = "Try again";', True),
        ("title.textContent = `Loading ${name}`;", True),
        ('link.setAttribute(\n"aria-label",\n"Remove");', True),
        ("button.textContent = texts.retry;", False),
        ('position.textContent = "0:00";', False),
        ('link.setAttribute("aria-pressed", "false");', False),
    ],
)
def test_texts_of_scripts_are_found(line: str, *, is_found: bool) -> None:
    assert (SHOWN.search(line) is not None) == is_found
