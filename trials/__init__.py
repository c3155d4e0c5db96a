"""Trials: what is too long for the tests, run by hand or before a release."""
