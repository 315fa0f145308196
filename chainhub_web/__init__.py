"""Composition: settings, addresses, start-up. The only room that knows all the others."""
