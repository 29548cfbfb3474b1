"""Coverage-guided fuzzing of everything that reads what strangers send.

    make fuzz                       five minutes for each target
    make fuzz ARGS="forms ranges"   these alone
    make fuzz SECONDS=10            shorter

Each target (`targets.py`) states what may be raised and what has to hold of
what is returned. Inputs worth keeping lie in `corpus/TARGET/`; the test suite
runs them all, without Atheris.
"""
