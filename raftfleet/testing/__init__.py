"""Fakes for tests, also for tests of users: a transport without a host, journals told by hand."""

from __future__ import annotations
