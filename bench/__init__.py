"""What is claimed of speed, measured: `make bench`.

Each figure is a median over interleaved rounds in one session, and a ratio
to something real that ran in between. Machines differ; ratios less so.
"""
