# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Answers of an operator who sets up a new store.

From options, from questions on the terminal, and from defaults.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import click

from msrv import settings
from msrv.cli.first_steps.environment_texts import Payments, StoreAddress
from msrv.display_text import clean_line, printable
from msrv.hostnames import BadHostname, address_of, to_ascii
from msrv.money import NotMoney, exponent_of
from msrv.settings import WrongSetting


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to the five questions."""

    name: str
    library: Path
    currency: str
    address: StoreAddress
    payments: Payments


def ask_all(
    given: dict[str, str | None], folder: Path, *, ask: bool
) -> Answers:
    """Return the answers, from options, questions and defaults."""

    def answer(
        name: str,
        question: str,
        default: str,
        parse: Callable[[str], Any],
    ) -> Any:  # noqa: ANN401 - what `parse` returns
        stated = given[name]
        if stated is None and ask:
            return _prompt(question, default, parse)
        try:
            return parse(default if stated is None else stated)
        except click.BadParameter as error:
            error.param_hint = f"--{name}"
            raise

    return Answers(
        answer("name", "Name of the store", "My Store", _parse_name),
        answer(
            "library",
            "Folder of the files for sale",
            "library",
            lambda text: _parse_library(text, folder),
        ),
        answer("currency", "Currency of the prices", "EUR", _parse_currency),
        answer(
            "domain",
            "Domain name, like shop.example, if it has one",
            "none",
            _parse_domain,
        ),
        answer(
            "payments",
            f"How buyers pay ({', '.join(get_args(Payments))})",
            "free",
            _parse_payments,
        ),
    )


def _prompt(question: str, default: str, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 - what `parse` returns
    """Return the first answer that can be parsed. Raises ClickException."""
    try:
        return click.prompt(
            question, default=default, value_proc=parse, err=True
        )
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.ClickException(
            "there is nobody to answer: use options, or --yes for the "
            "defaults; nothing was changed"
        ) from None


def _parse_name(text: str) -> str:
    name = clean_line(text)
    if not name:
        raise click.BadParameter("must not be empty")
    return name


def _parse_library(text: str, folder: Path) -> Path:
    """Return the library's path. A relative one is in the working folder."""
    if not text.strip():
        raise click.BadParameter("must not be empty")
    library = Path(text).expanduser().resolve()
    if library.exists() and not library.is_dir():
        raise click.BadParameter(f"{printable(text)} is not a folder")
    if library == folder or library in folder.parents:
        raise click.BadParameter(
            "must not contain the folder of the settings, which would be "
            "for sale; use a folder inside it"
        )
    if (folder / "data") in {library, *library.parents}:
        raise click.BadParameter("must not be in the data folder")
    return library


def _parse_currency(text: str) -> str:
    currency = text.strip().upper()
    try:
        exponent_of(currency)
    except NotMoney as error:
        raise click.BadParameter(str(error)) from None
    return currency


def _parse_domain(text: str) -> StoreAddress:
    """Parse `shop.example`, `https://shop.example`, or `none`."""
    stated = text.strip()
    if stated.lower() in {"", "-", "none"}:
        return StoreAddress()
    if "://" in stated:
        try:
            found = settings.load({}, public_url=stated).public_url
        except WrongSetting as error:
            raise click.BadParameter(
                str(error).removeprefix("MSRV_PUBLIC_URL: ")
            ) from None
        return StoreAddress(url=found or "")
    try:
        name = to_ascii(stated)
    except BadHostname as error:
        raise click.BadParameter(f"{stated!r} {error}") from None
    if address_of(name) is not None or "." not in name:
        raise click.BadParameter(
            f"{stated!r} is not a domain name like shop.example"
        )
    return StoreAddress(domain=name)


def _parse_payments(text: str) -> Payments:
    stated = text.strip().lower()
    if stated not in get_args(Payments):
        raise click.BadParameter(
            f"must be one of {', '.join(get_args(Payments))}"
        )
    return cast("Payments", stated)
