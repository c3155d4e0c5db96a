"""The table's rows in a sorted list: quick enough to walk through hundreds of made-up catalogs."""

from chalicelib.registry import clock
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import VersionRecord
from chalicelib.store import table, versions
from chalicelib.store.table import RowPage


class PretendedTable:
    """What a search reads of the table, from the rows of these documents."""

    def __init__(self, user_id, wanted):
        """`wanted` has (model_id, version, fields) of each version, the oldest first."""
        self.requests = 0
        self.records, rows = {}, {}
        for number, (model_id, version, fields) in enumerate(wanted):
            document = VersionDocument(
                **{
                    "user_id": user_id,
                    "model_id": model_id,
                    "version": version,
                    "model_type": "other",
                    "created_at": clock.timestamp(1_600_000_000 + number),
                    "updated_at": "",
                    **fields,
                }
            )
            record = VersionRecord(document=document, upload_id=str(number))
            self.records[record.id] = record
            rows |= versions.index_rows(record)
        self.rows = [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1].encode()))]

    def install(self, monkeypatch):
        monkeypatch.setattr(table, "pages", self.pages)
        monkeypatch.setattr(
            table, "rows", lambda range_: (row for page in self.pages(range_) for row in page.rows)
        )
        monkeypatch.setattr(versions, "read_many", self.read_many)

    def read_many(self, found):
        assert len(found) <= 100
        self.requests += bool(found)
        return [self.records.get(names) for names in found]

    def pages(self, range_, *, size=None, keys_only=False):
        low, high = range_.at_least or range_.prefix, range_.at_most or (range_.prefix + "\U0010ffff")
        found = [
            row
            for row in self.rows
            if row.pk == range_.pk and low.encode() <= row.sk.encode() <= high.encode()
        ]
        if range_.backwards:
            found.reverse()
        while True:
            self.requests += 1
            page, found = (found, []) if size is None else (found[:size], found[size:])
            # As DynamoDB does: a page that is full has an end, whether or not anything follows.
            read_to = page[-1].sk if page and len(page) == size else None
            yield RowPage([row for row in page if holds(range_.condition, row)], read_to)
            if read_to is None:
                return
            size *= 2


def holds(condition, row):
    """Whether a condition of pynamodb's holds for a row: just the operators that filters use."""
    if condition is None:
        return True
    if condition.operator in ("AND", "OR"):
        return (all if condition.operator == "AND" else any)(holds(one, row) for one in condition.values)
    path, *values = condition.values
    has, wanted = getattr(row, path.path[0]), [value.value["S"] for value in values]
    if condition.operator == "attribute_not_exists":
        return has is None
    return wanted[0] == has if condition.operator == "=" else wanted[0] in (has or ())
