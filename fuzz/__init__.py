# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Coverage-guided fuzzing of everything that parses untrusted input.

    make fuzz                       five minutes for each target
    make fuzz ARGS="forms ranges"   these alone
    make fuzz SECONDS=10            shorter

Each target (`targets.py`) defines which errors are allowed, and the invariants
of a result. Inputs worth keeping are in `corpus/TARGET/`; the test suite runs
them all, without Atheris.
"""
