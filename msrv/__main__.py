# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`python -m msrv`, and the console script `msrv`."""

import os
import signal
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if os.getpid() == 1:
        # The first process of a container only receives signals that it has
        # a handler for. Until the server installs its own, during the
        # imports, the container could only be killed after the engine's
        # time-out.
        signal.signal(
            signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
        )

    if sys.argv[1:2] == ["healthcheck"] and "--help" not in sys.argv:
        # Runs every few seconds: without the imports of the other commands.
        from msrv.server import healthcheck  # noqa: PLC0415 - as above

        sys.exit(healthcheck.main(sys.argv[2:]))

    # Otherwise each start looks for plugins of pydantic, in the metadata of
    # all installed packages.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from msrv import cli  # noqa: PLC0415 - slow to import

    # Files of the store contain purchases and secrets: only for its own user.
    os.umask(0o077)

    cli.main()


if __name__ == "__main__":
    main()
