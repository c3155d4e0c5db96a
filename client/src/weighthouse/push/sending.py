"""Sending the parts that are missing, several at once."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice

from weighthouse.errors import StoreRefused
from weighthouse.parallel import each
from weighthouse.patience import Patience, Transient
from weighthouse.progress import Meter
from weighthouse.push.content import Content, Segment
from weighthouse.push.layout import Layout, Part, ranges
from weighthouse.push.scanning import Source
from weighthouse.transport import Transport

WORKERS = 4
"""Parts on their way at once. A kill loses at most these, of 8 MiB each while no file is larger than 80 GiB."""
_AHEAD = 500
"""Parts for which URLs are asked at once: they are valid for an hour."""
_FRESH = 3
"""How often a part's URL may be refused before that is the end of it."""
_BUNDLE = "small files"
"""What the bundle is called in progress."""


class Sending:
    """Sends what one upload lacks; threads share it."""

    def __init__(
        self,
        transport: Transport,
        upload_id: str,
        layout: Layout,
        sources: Mapping[str, Source],
        meter: Meter,
    ) -> None:
        self._transport, self._upload_id, self._meter = transport, upload_id, meter
        self._layout, self._sources = layout, sources
        self._stop = threading.Event()
        self._patience = Patience(stop=self._stop)
        self._lock = threading.Lock()
        self._bundled = [sources[name] for name in sorted(layout.offsets, key=layout.offsets.__getitem__)]
        self._ends = [layout.offsets[source.filename] + source.size for source in self._bundled]
        self.sent: set[str] = set()
        """The files of which something travelled."""
        self.bytes_sent = 0
        """All bytes that travelled, also those that had to again."""

    def send(self) -> None:
        """Sends every part that is missing; raises what ended it, when nothing is on its way any more."""
        missing = self._layout.missing()
        self._begin(missing)
        left = Counter(part.filename for part in missing)
        with closing(each(self._with_urls(missing), self._send, workers=WORKERS, stop=self._stop)) as sent:
            for part, _ in sent:
                left[part.filename] -= 1
                if part.filename is None:
                    self._meter.finish(_BUNDLE if left[None] == 0 else None, files=len(self._ending_in(part)))
                elif left[part.filename] == 0:
                    self._meter.finish(part.filename)

    def _begin(self, missing: Sequence[Part]) -> None:
        """Tells what need not travel: what the service has, empty files, and parts that have arrived."""
        sources, layout = self._sources, self._layout
        total = sum(source.size for source in sources.values())
        self._meter.begin("sending", len(sources), total)
        whole = len(layout.stored) + len(layout.files.keys() - {part.filename for part in missing})
        lacking = {part.id for part in missing}
        there = [part for part in layout.parts() if part.id not in lacking]
        whole += sum(len(self._ending_in(part)) for part in there if part.filename is None)
        before: Counter[str] = Counter()
        for part in there:
            before[part.filename or _BUNDLE] += part.size
        self._meter.keep(total - sum(part.size for part in missing), files=whole, before=before)

    def _ending_in(self, part: Part) -> Sequence[Source]:
        """The files of the bundle whose last byte is in a part."""
        return self._bundled[
            bisect_right(self._ends, part.start) : bisect_right(self._ends, part.start + part.size)
        ]

    def _with_urls(self, parts: Sequence[Part]) -> Iterator[Part]:
        """The parts, once their URLs are there; they are asked for shortly before they are used."""
        todo = iter(parts)
        while some := list(islice(todo, _AHEAD)):
            self._ask([part for part in some if part.id not in self._layout.urls])
            yield from some

    def _ask(self, parts: Sequence[Part]) -> None:
        """Has the service give fresh URLs; an answer may be short of some, which are asked for again."""
        while parts:
            path = f"/ai-models/uploads/{self._upload_id}/parts"
            answer = self._transport.ask("POST", path, body=ranges(parts), patience=self._patience)
            fresh = Layout.of([answer]).urls
            with self._lock:
                self._layout.urls |= fresh
            left = [part for part in parts if part.id not in fresh]
            if len(left) == len(parts):
                raise StoreRefused("The service gave no URL for a part of the upload", 404)
            parts = left

    def _send(self, part: Part) -> None:
        label, size, segments = self._origin(part)
        refusals = 0

        def attempt() -> None:
            with Content(segments, lambda count: self._moved(label, count, size)) as content:
                try:
                    self._transport.put(self._layout.urls[part.id], content, part.size)
                except BaseException:
                    self._meter.move(label, -content.position, size)
                    raise

        def refreshing() -> None:
            nonlocal refusals
            try:
                attempt()
            except StoreRefused as error:
                # 403 is what a store says when a URL has expired.
                if error.status != 403 or refusals >= _FRESH:
                    raise
                refusals += 1
                self._ask([part])
                raise Transient(error) from error

        self._patience.keep_trying(refreshing)

    def _moved(self, label: str, count: int, size: int) -> None:
        self._patience.check()
        with self._lock:
            self.bytes_sent += count
        self._meter.move(label, count, size)

    def _origin(self, part: Part) -> tuple[str, int, list[Segment]]:
        """What a part is called in progress, the bytes of all such parts, and where it comes from."""
        if part.filename is not None:
            source = self._sources[part.filename]
            segments = [Segment(source, part.start, part.size)]
            label, size = part.filename, source.size
        else:
            segments = self._segments(part)
            label, size = _BUNDLE, self._layout.bundle_size
        with self._lock:
            self.sent.update(segment.source.filename for segment in segments)
        return label, size, segments

    def _segments(self, part: Part) -> list[Segment]:
        """The pieces of files that a part of the bundle is made of."""
        stop, segments = part.start + part.size, []
        for source in self._bundled[bisect_right(self._ends, part.start) :]:
            begin = self._layout.offsets[source.filename]
            if begin >= stop:
                break
            start = max(part.start, begin)
            segments.append(Segment(source, start - begin, min(stop, begin + source.size) - start))
        return segments
