# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Compiled templates in the data folder."""

import marshal
import stat
from pathlib import Path

import jinja2
import pytest
from jinja2.bccache import Bucket

from msrv.proofs.keyring import Keyring
from msrv.web.appearance.compiled_templates import CompiledTemplates


class CountingTemplates(CompiledTemplates):
    """Compiled templates, with the number of those compiled just now."""

    compiled = 0

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled += 1
        super().dump_bytecode(bucket)


def render(
    folder: Path, keyring: Keyring, text: str = "Hello {{ name }}"
) -> tuple[str, int]:
    """Return a page of a new process, and how many templates it compiled."""
    templates = CountingTemplates(folder, keyring)
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"page.html": text}),
        bytecode_cache=templates,
        autoescape=True,
    )
    page = environment.get_template("page.html").render(name="you")
    return page, templates.compiled


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_template_is_compiled_once(tmp_path: Path, keyring: Keyring) -> None:
    folder = tmp_path / "cache" / "templates"
    assert render(folder, keyring) == ("Hello you", 1)
    assert render(folder, keyring) == ("Hello you", 0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_changed_template_is_compiled_again(
    tmp_path: Path, keyring: Keyring
) -> None:
    render(tmp_path, keyring)
    assert render(tmp_path, keyring, "Bye {{ name }}") == ("Bye you", 1)
    assert render(tmp_path, keyring, "Bye {{ name }}") == ("Bye you", 0)


@pytest.mark.parametrize("end", [0, 10, 24, 40, -1])
def test_truncated_file_is_not_used(
    tmp_path: Path, keyring: Keyring, end: int
) -> None:
    render(tmp_path, keyring)
    file = only_file(tmp_path)
    file.write_bytes(file.read_bytes()[:end])
    assert render(tmp_path, keyring) == ("Hello you", 1)
    assert render(tmp_path, keyring) == ("Hello you", 0)


def test_file_of_somebody_else_is_not_run(
    tmp_path: Path, keyring: Keyring
) -> None:
    """Neither code with the MAC of another template, nor of another NONCE."""
    render(tmp_path, keyring)
    file = only_file(tmp_path)
    code = compile("raise SystemExit('injected')", "page.html", "exec")
    good = file.read_bytes()
    for forged in (
        good[:24] + marshal.dumps(code),
        b"A" * 24 + marshal.dumps(code),
        b"\xff" * 24 + marshal.dumps(code),
    ):
        file.write_bytes(forged)
        assert render(tmp_path, keyring) == ("Hello you", 1)
    other = Keyring.from_nonces("q" * 20 + "8xVbN2mKpR7tYw4zL9cF")
    render(tmp_path, other)
    assert render(tmp_path, keyring) == ("Hello you", 1)


def test_former_nonce_runs_no_code(tmp_path: Path) -> None:
    """A NONCE is replaced where others may know it."""
    former = "q8xVbN2mKpR7tYw4zL9cFq8xVbN2mKpR7tYw4zL9cF"
    render(tmp_path, Keyring.from_nonces(former))
    both = Keyring.from_nonces("zL9cFq8xVbN2mKpR7tYw4q8xVbN2mKp", former)
    assert render(tmp_path, both) == ("Hello you", 1)


def test_page_is_rendered_without_a_place_for_its_code(
    tmp_path: Path, keyring: Keyring
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert render(blocked / "templates", keyring) == ("Hello you", 1)
    assert render(Path("/proc/templates"), keyring) == ("Hello you", 1)
