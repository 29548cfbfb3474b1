"""MSRV: a self-hosted store for digital downloads."""

__version__ = "0.1.0"
