"""Shared settings: how fast a shared machine is on a given day is no property under test."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
