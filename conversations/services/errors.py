"""What a service says no to."""

from __future__ import annotations


class Refused(Exception):
    """A request that cannot be met: its text is a sentence for the person who asked."""
