"""`python -m msrv`."""

import os
import signal
import sys

if os.getpid() == 1:
    # The first process of a container is sent no signal that it has not
    # asked for: until the server asks, while all is imported, ending it
    # would take the engine's patience.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

if sys.argv[1:2] == ["healthcheck"] and "--help" not in sys.argv:
    # Asked every few seconds: without all that the other commands import.
    from msrv import healthcheck

    sys.exit(healthcheck.main(sys.argv[2:]))

from msrv.cli import main

# What the store writes holds purchases and secrets: it is for its own user.
os.umask(0o077)

main()
