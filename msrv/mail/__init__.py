"""Receipts by e-mail: written down before the answer, sent after it.

A letter lies in the data folder until a relay has taken it, or has refused
it for good. Nothing that a buyer waits for waits for a mail server.
"""
