"""Fetching a version, and reading from a file that stays where it is."""
