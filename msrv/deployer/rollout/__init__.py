"""Deployments: their queue, their records, and the rolling update itself."""
