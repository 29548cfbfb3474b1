"""The gate: what of the engine's API the deployer may use.

Who may make containers owns the machine. So the process that strangers can
reach, the deployer, gets no socket; it asks this one, which nobody else can
reach, and which lets through only what an update of the configured targets
is made of. A container may be made only as one that is there already, from
an image of its target's own repository.
"""
