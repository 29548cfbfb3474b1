"""Deployments, from their queue to the replaced container."""
