"""Runs that a request starts."""
