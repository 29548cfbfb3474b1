"""A push of an image becomes a rolling update: a program of its own.

It is apart from the store: another process, in another container, and the
only one that speaks to the container engine. Of MSRV's other rooms it reads
the settings and nothing else.
"""
