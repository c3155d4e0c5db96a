"""Sending a file or a folder as a version."""
