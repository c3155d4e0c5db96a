"""The key that seals every `next_token`: random, and in one row of the table, where all functions find it."""

import secrets
from functools import lru_cache
from time import time

from chalicelib.store import keys, table
from chalicelib.store.rows import Row

BYTES = 32
AGE = 600
"""Seconds for which a process keeps it: a table that was made again has another one."""


def key() -> bytes:
    """The key. One GetItem in ten minutes of a process; the first process of all makes it, by one PutItem more."""
    return _key(int(time()) // AGE)


@lru_cache(maxsize=1)
def _key(_period: int) -> bytes:
    row = table.get(*keys.TOKEN_KEY)
    if row is None:
        row = Row(*keys.TOKEN_KEY, body=secrets.token_hex(BYTES))
        try:
            table.put(row, Row.pk.does_not_exist())
        except table.ConditionFailed:
            # Another process has just made it: all have to use the same.
            return _key.__wrapped__(_period)
    return bytes.fromhex(row.body)
