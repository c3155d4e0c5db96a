"""`python -m weighthouse`."""

from weighthouse.cli import main

main()
