"""The table made again from the manifests in the bucket, and objects that belong to nothing put aside.

It is the only code that scans. What fails for one version keeps no other from being restored.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import TypeVar

from chalicelib.registry import clock, manifests, readers
from chalicelib.registry.restoring import Damaged, restore
from chalicelib.store import api_tokens, keys, multipart, objects, quarantine, table, versions
from chalicelib.store.objects import Listed
from chalicelib.store.parallel import for_each

THREADS = 8
SAY_EVERY = 5.0
"""Seconds between two words on how far it is."""
NAMED = 20
"""Failures that are told in the summary; the report has them all."""
WORTHLESS = (keys.ZIPS, keys.TASKS)
"""Where nothing lies that could not be made again."""
Version = tuple[str, str, str]
T = TypeVar("T")


@dataclass(slots=True)
class RebuildReport:
    """What a rebuild found and did; with `dry_run`, what it would do."""

    run: str
    """Names the rebuild, and the folder below `quarantine/` into which it puts objects."""
    dry_run: bool = False
    restored: list[Version] = field(default_factory=list)
    files: int = 0
    skipped: list[Version] = field(default_factory=list)
    """Versions that were being published or deleted just then."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why something could not be restored or put aside, by what it is."""
    put_aside: list[str] = field(default_factory=list)
    """Keys of objects that belong to nothing, and are in quarantine now."""
    removed: int = 0
    """Objects that nobody can miss: ZIPs and tasks of nothing, expired tokens, what was in quarantine for 30 days."""
    aborted: int = 0
    """Multipart uploads that belonged to nothing."""

    @property
    def removed_objects(self) -> int:
        """Objects that are not at their place any more."""
        return len(self.put_aside) + self.removed

    def __str__(self) -> str:
        """What the person who asked for it is told."""
        whole = "whole again" if not self.failed else f"made again, but for {len(self.failed)} failures"
        told = [
            f"The index {'would be' if self.dry_run else 'is'} {whole}:"
            f" {len(self.restored)} versions with {self.files} files;"
            f" {self.removed_objects} objects that belonged to none were removed."
        ]
        if self.put_aside:
            told.append(
                f"{len(self.put_aside)} of them are kept for 30 days below {keys.QUARANTINE}{self.run}/."
            )
        told += [f"  {name}: {reason}" for name, reason in islice(self.failed.items(), NAMED)]
        if len(self.failed) > NAMED:
            told.append(f"  and {len(self.failed) - NAMED} more")
        if self.dry_run:
            told.append("Nothing was changed: it was a dry run.")
        return "\n".join(told)

    def lines(self) -> Iterator[str]:
        """The whole report: a line for each version and object."""
        yield str(self)
        yield from (f"restored {'/'.join(version)}" for version in self.restored)
        yield from (f"skipped {'/'.join(version)}" for version in self.skipped)
        yield from (f"failed {name}: {reason}" for name, reason in self.failed.items())
        yield from (f"quarantined {key}" for key in self.put_aside)


def rebuild(*, dry_run: bool = False, say: Callable[[str], None] = lambda _: None) -> RebuildReport:
    """Writes the rows of every version that has a manifest; the table may be new, or one to be mended.

    What can't be restored is reported, and nothing of it touched. Objects that belong neither to a version nor to an
    open upload are put into quarantine. A rebuild that was cut short is begun again, and ends as if it had not
    been. With `dry_run` nothing is changed. `say` is called with the progress.
    """
    return _Rebuild(RebuildReport(clock.compact(), dry_run), say).run()


class _Rebuild:
    def __init__(self, report: RebuildReport, say: Callable[[str], None]) -> None:
        self._report = report
        self._say = say
        self._said_at = time.monotonic()
        self._lock = Lock()
        self._strays: list[Listed] = []

    def run(self) -> RebuildReport:
        published = list(manifests.names())
        self._each("versions", published, "/".join, self._restore)
        # Listed before the table is read: whatever an upload brings meanwhile, its row was there first.
        found = Known(set(published), set())
        strays = [one for one in objects.listed("") if one.key not in found]
        parts = [upload for upload in multipart.in_progress("") if upload[0] not in found]
        known = _known()
        self._strays += (one for one in strays if one.key not in known)
        self._clear_away([upload for upload in parts if upload[0] not in known])
        if not self._report.dry_run:
            self._each("models that are shared", self._access_copies(), str, self._restore_access)
            self._each("API tokens", list(api_tokens.copies()), lambda copy: copy[0], self._restore_token)
        return self._report

    def _each(
        self, what: str, things: Sequence[T], name: Callable[[T], str], act: Callable[[T], object]
    ) -> None:
        """Does something with each, eight at a time; what fails is reported and keeps none of the others from it."""
        done = 0

        def act_on(thing: T) -> None:
            nonlocal done
            try:
                act(thing)
            except Damaged as error:
                self._fail(name(thing), str(error))
            except Exception as error:
                self._fail(name(thing), f"{type(error).__name__}: {error}")
            with self._lock:
                done += 1
                if time.monotonic() > self._said_at + SAY_EVERY:
                    self._said_at = time.monotonic()
                    self._say(f"{done} of {len(things)} {what} …")

        for_each(things, act_on, THREADS)

    def _fail(self, name: str, reason: str) -> None:
        with self._lock:
            self._report.failed[name] = reason

    def _restore(self, version: Version) -> None:
        restored = restore(version, dry_run=self._report.dry_run)
        with self._lock:
            if restored is None:
                self._report.skipped.append(version)
            else:
                self._report.restored.append(version)
                self._report.files += restored.files
                self._strays += restored.strays

    def _clear_away(self, parts: Sequence[tuple[str, str]]) -> None:
        """Puts strays into quarantine, but for those that nobody can miss, and gives up parts."""
        worthless = [one.key for one in self._strays if one.key.startswith(WORTHLESS)]
        worthless += quarantine.before(clock.compact(clock.now() - quarantine.KEPT))
        self._report.removed, self._report.aborted = len(worthless), len(parts)
        kept = [one for one in self._strays if not one.key.startswith(WORTHLESS)]
        if self._report.dry_run:
            self._report.put_aside = [one.key for one in kept]
            return
        objects.delete(worthless)
        self._each(
            "parts of uploads", parts, lambda upload: upload[0], lambda upload: multipart.abort(*upload)
        )
        self._each("objects for quarantine", kept, lambda one: one.key, self._put_aside)

    def _put_aside(self, found: Listed) -> None:
        if quarantine.put_aside(found, self._report.run):
            with self._lock:
                self._report.put_aside.append(found.key)

    def _access_copies(self) -> list[str]:
        """The copies that say who may read a model, but for those of models of which a version failed.

        Without that version it may look as if the model were gone, and the sharing with it.
        """
        failed = {tuple(name.split("/")[:2]) for name in self._report.failed}
        models = ((key, keys.model_of_access_key(key)) for key in objects.list_keys(keys.ACCESS))
        return [key for key, model in models if model is not None and model not in failed]

    def _restore_access(self, name: str) -> None:
        shared = readers.restore(name)
        with self._lock:
            self._report.removed += not shared

    def _restore_token(self, copy: tuple[str, int]) -> None:
        key, expires_at = copy
        if expires_at <= clock.now():
            removed = objects.delete([key])
            with self._lock:
                self._report.removed += removed
            return
        record = api_tokens.read_copy(key)
        if record.object_key != key:
            raise Damaged("it is the copy of another token")
        table.write_many(api_tokens.rows(record))


@dataclass(frozen=True, slots=True)
class Known:
    """Versions and uploads; `key in known` says whether an object belongs to one of them."""

    versions: set[Version]
    uploads: set[str]

    def __contains__(self, key: str) -> bool:
        """Whether the object belongs to a version or upload, or is none of ours."""
        top, _, rest = key.partition("/")
        names = rest.split("/")
        if f"{top}/" in (keys.MODELS, keys.ZIPS):
            return tuple(names[:3]) in self.versions
        if f"{top}/" == keys.UPLOADS:
            return names[0] in self.uploads
        if f"{top}/" == keys.TASKS:
            return tuple(names[1:4]) in self.versions or not self.uploads.isdisjoint(names[1:2])
        if f"{top}/" == keys.MANIFESTS and key.endswith(keys.FILES_SUFFIX):
            return tuple(rest.removesuffix(keys.FILES_SUFFIX).split("/")) in self.versions
        return True


def _known() -> Known:
    """The versions that the table has a row of, in whatever state, and the uploads that are still on their way."""
    known = Known(set(), set())
    for row in table.scan("model#", "version#"):
        user_id, model_id = row.pk.removeprefix("model#").split("/")
        known.versions.add((user_id, model_id, keys.split_created_key(row.created_key)[2]))
        if row.state == versions.UPLOADING:
            known.uploads.add(row.upload_id)
    return known
