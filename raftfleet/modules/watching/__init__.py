"""Waiting on the host itself, for `wait_for`."""
