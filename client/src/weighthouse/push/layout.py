"""How an upload is cut: which parts there are, which have arrived, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from weighthouse.answers import PARTS, UPLOAD, read

PartId = tuple["str | None", int]
"""The name of a file, None for the bundle, and the number of a part, from 1 on."""


@dataclass(frozen=True)
class Part:
    """A part that has to travel; offsets and sizes in bytes."""

    filename: str | None
    """None for a part of the bundle."""
    number: int
    start: int
    size: int

    @property
    def id(self) -> PartId:
        """What names it within its upload."""
        return (self.filename, self.number)


@dataclass
class Layout:
    """An upload as the service cut it."""

    part_size: int
    files: dict[str, int] = field(default_factory=dict)
    """The files that have parts of their own, with their sizes."""
    stored: dict[str, int] = field(default_factory=dict)
    """The files that need not travel, with their sizes."""
    offsets: dict[str, int] = field(default_factory=dict)
    """The files in the bundle, with their places in it."""
    bundle_size: int = 0
    arrived: dict[PartId, int] = field(default_factory=dict)
    """Parts that the store has, with their sizes."""
    urls: dict[PartId, str] = field(default_factory=dict)
    """URLs that have been given already."""

    @classmethod
    def of(cls, answers: Iterable[Mapping[str, Any]]) -> Layout:
        """The layout in a plan, or in all pages of the parts that have arrived; raises `InvalidAnswer`."""
        layout: Layout | None = None
        for answer in answers:
            read(answer, UPLOAD)
            layout = layout or cls(answer["part_size"])
            for file in answer["files"]:
                layout._add(file)
            if bundle := answer.get("bundle"):
                layout.bundle_size = bundle["size"]
                layout._note(None, bundle["parts"])
        if layout is None:
            raise ValueError("no answer")
        return layout

    def _add(self, file: Mapping[str, Any]) -> None:
        name, size = file["filename"], file["file_size"]
        if file.get("bundle_offset") is not None:
            self.offsets[name] = file["bundle_offset"]
        elif file["already_stored"]:
            self.stored[name] = size
        else:
            self.files[name] = size
            self._note(name, file["parts"])

    def _note(self, name: str | None, parts: Sequence[Mapping[str, Any]]) -> None:
        for part in parts:
            if part.get("url") is not None:
                self.urls[name, part["part_number"]] = part["url"]
            else:
                self.arrived[name, part["part_number"]] = part["size"]

    @property
    def names(self) -> set[str]:
        """Every file of the upload."""
        return {*self.files, *self.stored, *self.offsets}

    def fits(self, sizes: Mapping[str, int]) -> bool:
        """Whether it is one of files of these sizes, each of them once, with each byte of the bundle in one of them."""
        end = 0
        for name in sorted(self.offsets, key=lambda name: (self.offsets[name], sizes[name])):
            if self.offsets[name] != end:
                return False
            end += sizes[name]
        alone = {**self.files, **self.stored}
        return (
            end == self.bundle_size
            and len(self.files) + len(self.stored) + len(self.offsets) == len(sizes)
            and max([end, *self.files.values()]) <= self.part_size * PARTS
            and all(sizes[name] == alone[name] for name in alone)
        )

    def parts(self) -> Iterator[Part]:
        """All parts, the bundle's first: its end is when most files are there."""
        yield from self._cut(None, self.bundle_size)
        for name, size in self.files.items():
            yield from self._cut(name, size)

    def _cut(self, name: str | None, size: int) -> Iterator[Part]:
        for index, start in enumerate(range(0, size, self.part_size)):
            yield Part(name, index + 1, start, min(self.part_size, size - start))

    def missing(self) -> list[Part]:
        """The parts that the store lacks, or has with another size."""
        return [part for part in self.parts() if self.arrived.get(part.id) != part.size]


def ranges(parts: Sequence[Part]) -> dict[str, Any]:
    """The request for URLs of these parts: each run of neighbours as one range."""
    files: list[dict[str, Any]] = []
    bundle: dict[str, int] | None = None
    runs = groupby(enumerate(parts), lambda item: (item[1].filename, item[1].number - item[0]))
    for (filename, _), run in runs:
        numbers = [part.number for _, part in run]
        if filename is not None:
            files.append({"filename": filename, "first_part": numbers[0], "last_part": numbers[-1]})
        else:
            # The bundle has room for one range: what lies between has URLs as well, and is not sent.
            first = bundle["first_part"] if bundle else numbers[0]
            bundle = {"first_part": first, "last_part": numbers[-1]}
    return {"files": files, "bundle": bundle}
