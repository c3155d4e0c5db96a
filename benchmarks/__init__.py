"""Measurements of the service; each is run as `python -m benchmarks.NAME`, and says so when a limit is broken."""
