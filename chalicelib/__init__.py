"""Weighthouse: a self-hosted registry for AI model files."""

__version__ = "0.1.0"
