"""Payments: what an order costs, and who takes the money."""
