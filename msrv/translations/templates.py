# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Translation in Jinja's templates: `_()`, `ngettext()` and `{% trans %}`.

Apart, so that the packages below the pages don't import Jinja.
"""

from collections.abc import Mapping
from typing import Final

from jinja2 import Environment, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from msrv.translations import format_number, translate, translate_plural
from msrv.translations.title_languages import title_language

EXTENSIONS: Final = ("jinja2.ext.i18n",)
"""The extensions that an environment is made with."""


def install_translations(environment: Environment) -> None:
    """Make the functions available in templates, as newstyle gettext.

    They are Jinja's own but for the number in `ngettext`, which is written
    as the visitor's language does.
    """
    # The extension has no type for it.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals.update(gettext=_gettext, ngettext=_ngettext)
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters["title_lang"] = _title_lang


def _title_lang(title: object) -> str:
    """Return the attribute of a title's language, if that is certain."""
    tag = title_language(str(title))
    return Markup(f' lang="{tag}"') if tag else ""  # noqa: S704 - two letters


@pass_eval_context
def _gettext(context: EvalContext, message: str, /, **values: object) -> str:
    return _fill(context, translate(message), values)


@pass_eval_context
def _ngettext(
    context: EvalContext,
    singular: str,
    plural: str,
    number: int,
    /,
    **values: object,
) -> str:
    text = translate_plural(singular, plural, number)
    return _fill(context, text, {"num": format_number(number), **values})


def _fill(
    context: EvalContext, text: str, values: Mapping[str, object]
) -> str:
    """Return a text with its values; in HTML, only they are escaped."""
    # A message of the code or of a reviewed catalog, so it is safe markup.
    return (Markup(text) if context.autoescape else text) % values  # noqa: S704
