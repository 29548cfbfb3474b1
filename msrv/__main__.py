"""`python -m msrv`."""

from msrv.cli import main

main()
