# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Program of a parser process that runs each file as Python code.

    python hostile_parser_main.py [NAME=NUMBER]... PARENT

It simulates a process that a file has taken over. The code sets `said`, the
title in the reply, or `answer`, a whole message. The arguments change the
process's own limits.
"""

import sys
from typing import Any, BinaryIO

from msrv.catalog.parsing import parser_main
from msrv.catalog.parsing.messages import Message


def run(file: BinaryIO, fields: dict[str, Any]) -> Message:
    """Run the file."""
    scope: dict[str, Any] = {"fields": fields}
    exec(file.read(), scope)  # noqa: S102 - what a taken-over parser would
    if "answer" in scope:
        return Message(*scope["answer"])
    return Message({"tags": {"title": str(scope.get("said", ""))}})


if __name__ == "__main__":
    for name in parser_main.OPERATIONS:
        parser_main.OPERATIONS[name] = run
    for argument in sys.argv[1:-1]:
        name, _, number = argument.partition("=")
        setattr(
            parser_main, name, float(number) if "." in number else int(number)
        )
    del sys.argv[1:-1]
    parser_main.main()
