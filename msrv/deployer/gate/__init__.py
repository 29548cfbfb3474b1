"""Filtering proxy between the deployer and the container engine."""
