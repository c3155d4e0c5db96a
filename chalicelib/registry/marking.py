"""Marking: versions that are to be deleted disappear for readers, and with the last of a model its sharing.

A model that is shared must never be without a version that readers see: a user who uploads one of that name later
would share it unknowingly. So the transaction that marks versions either ends the sharing, or makes sure that a
version stays.
"""

import time
from collections.abc import Sequence

from chalicelib.errors import StoreBusy
from chalicelib.registry import clock, history
from chalicelib.registry.leases import LEASE
from chalicelib.schema.history import Actor
from chalicelib.schema.records import VersionRecord
from chalicelib.store import access, journal, leases, table
from chalicelib.store import versions as rows
from chalicelib.store.access import Kept
from chalicelib.store.parallel import for_each
from chalicelib.store.rows import Row
from chalicelib.store.table import Changes, ConditionFailed

GROUP = (table.TRANSACTION - 1) // 4
"""Versions that are marked in one transaction: each takes four changes, and the sharing one."""
MARKERS = 8
"""Transactions at a time."""
TRIES = 20


class Marks:
    """What one request marks: a run that knows its token may remove the versions; others wait a minute for that."""

    def __init__(self, kept: Kept, token: str, until: float, actor: Actor) -> None:
        """`kept` is how the model is shared, read before its versions; after `until` nothing more is marked."""
        self.shared = kept.shared is not None
        """Whether the model was found to be shared."""
        self._kept = kept
        self._token = token
        self._until = until
        self._actor = actor
        self._now = clock.now()

    def mark(self, doomed: Sequence[VersionRecord]) -> tuple[list[VersionRecord], int]:
        """Those that were there still, and how many the time was too short for.

        `doomed` is one version, or all that the model has.
        """
        marked: list[VersionRecord] = []
        left: list[VersionRecord] = []

        def mark(group: Sequence[VersionRecord], stays: VersionRecord | None) -> None:
            if time.monotonic() > self._until:
                left.extend(group)
            elif self._mark_group(group, stays):
                marked.extend(group)
            else:
                for record in group:
                    if time.monotonic() > self._until:
                        left.append(record)
                    elif self._mark_one(record):
                        marked.append(record)

        *groups, last = (doomed[start : start + GROUP] for start in range(0, len(doomed), GROUP))
        # Each of the others relies on another version of the last: transactions on one row would meet.
        for_each(enumerate(groups), lambda one: mark(one[1], last[one[0] % len(last)]), MARKERS)
        if left:
            left.extend(last)
        elif len(doomed) == 1:
            marked.extend(record for record in last if self._mark_one(record, self._kept))
        else:
            mark(last, None)
        return marked, len(left)

    def _mark_group(self, group: Sequence[VersionRecord], stays: VersionRecord | None) -> bool:
        """Marks these while `stays` is there, or ends the sharing with them."""
        changes = self._changes(group)
        if stays is None:
            changes.deletes.append((self._kept.key, self._kept.unchanged))
        else:
            changes.checks.append(rows.ready_check(stays))
        try:
            table.transact(changes)
        except ConditionFailed:
            return False
        return True

    def _mark_one(self, record: VersionRecord, kept: Kept | None = None) -> bool:
        """Marks a version, whatever others do with the model meanwhile; False when it is there no more."""
        for _ in range(TRIES):
            kept = kept or access.read(*record.id[:2])
            stays = None
            if kept.shared is not None:
                self.shared = True
                stays = rows.first_ready(*record.id[:2], but=record.document.version)
            changes = self._changes([record])
            if stays is not None:
                changes.checks.append(rows.ready_check(stays))
            else:
                changes.deletes.append((kept.key, kept.unchanged))
            kept = None
            try:
                table.transact(changes)
            except ConditionFailed:
                row = rows.find(*record.id)
                if row is None or row.state != rows.READY or row.upload_id != record.upload_id:
                    return False
            else:
                return True
        raise StoreBusy("The model is changed by many at once; try again in a moment")

    def _changes(self, group: Sequence[VersionRecord]) -> Changes:
        changes = Changes()
        for record in group:
            self._add(changes, record)
        return changes

    def _add(self, changes: Changes, record: VersionRecord) -> None:
        due_at = self._now + journal.PATIENCE
        hidden = [
            Row.state.set(rows.DELETING),
            Row.by_user.remove(),
            Row.by_framework.remove(),
            Row.by_model_type.remove(),
            Row.due_at.set(due_at),
            Row.detail.set(self._token),
            *leases.taken(self._token, self._now + LEASE),
        ]
        there = (Row.state == rows.READY) & (Row.upload_id == record.upload_id)
        noted = history.entry("delete", self._actor, record.document.version)
        changes.puts.append((journal.deletion_row(record.id, record.upload_id, due_at), None))
        changes.puts.append((history.row(*record.id[:2], noted), None))
        changes.updates.append((rows.key(*record.id), hidden, there))
        changes.deletes.append((rows.active_key(record), None))
