"""The history, which nothing but the table holds, written down as well: a killed emulator loses its tables.

One line for each row, in the order in which they were written: the item as DynamoDB takes it, in JSON.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.store import keys

Item = dict[str, Any]

_NEW = "weighthouse-history"
"""Under this name a request's new rows wait for its answer."""


class HistoryLog:
    """The file in the data folder."""

    def __init__(self, path: Path) -> None:
        """Opens the file, making it if needed, and removes what has expired."""
        self._path = path
        self._drop_expired()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _drop_expired(self) -> None:
        if not self._path.exists():
            return
        left = self._path.with_suffix(".new")
        with left.open("w") as file:
            file.writelines(json.dumps(item) + "\n" for item in self.items())
        left.replace(self._path)

    def items(self) -> Iterator[Item]:
        """All rows that have not expired; a last line that was cut short by a kill is none."""
        now = time.time()
        with self._path.open() as file:
            for line in file:
                if line.endswith("\n") and float((item := json.loads(line))["expires_at"]["N"]) > now:
                    yield item

    def follow(self, client: Any) -> None:
        """Writes down, from now on, each row of the history that this client of DynamoDB writes."""
        for operation in ("PutItem", "TransactWriteItems"):
            client.meta.events.register(f"before-parameter-build.dynamodb.{operation}", self._note)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._write)

    def _note(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context[_NEW] = [item for item in _puts(params) if item["pk"]["S"].startswith(keys.HISTORY)]

    def _write(self, http_response: Any, context: dict[str, Any], **_: object) -> None:
        if http_response.status_code == 200 and context[_NEW]:
            lines = "".join(json.dumps(item) + "\n" for item in context[_NEW])
            os.write(self._file, lines.encode())

    def restore(self) -> None:
        """Writes all rows into the table again."""
        from chalicelib.store import table
        from chalicelib.store.parallel import batches
        from chalicelib.store.rows import Row

        for batch in batches(self.items(), table.BATCH):
            # A batch must not write one row twice.
            rows = {item["sk"]["S"] + item["pk"]["S"]: Row.from_raw_data(item) for item in batch}
            table.write_many(rows.values())


def _puts(params: dict[str, Any]) -> list[Item]:
    if "Item" in params:
        return [params["Item"]]
    return [change["Put"]["Item"] for change in params["TransactItems"] if "Put" in change]
