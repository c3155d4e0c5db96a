"""The parts of a multipart/form-data body (RFC 7578) that is in memory as a whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from chalicelib.errors import InvalidRequest
from chalicelib.http.refusals import shown

_PARTS = 100
"""Parts that a form may have; the longest of ours has some 25 fields."""
_TEXT_BYTES = 1024 * 1024
"""Bytes of a part that is no file; `dependencies`, the largest, can have some 500 KB."""
_CHARSETS = {"utf-8", "utf8", "us-ascii", "iso-8859-1"}
"""Charsets that a text part may name; Java clients say ISO-8859-1."""

_EXTENDED_NAME = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    """None where the part names none; "" where a browser's file field was left empty."""
    content_type: str | None
    charset: str
    data: bytes

    def text(self) -> str:
        """The content as text. Raises `InvalidRequest` where it is too long or not in its charset."""
        if len(self.data) > _TEXT_BYTES:
            raise InvalidRequest(f"{self.name} has {len(self.data):,} bytes; it may have {_TEXT_BYTES:,}")
        if self.charset not in _CHARSETS:
            raise InvalidRequest(f"{self.name}: charset {shown(self.charset)} is not supported; send UTF-8")
        try:
            return self.data.decode(self.charset)
        except UnicodeDecodeError:
            raise InvalidRequest(f"{self.name} is not valid {self.charset.upper()}") from None


def parts(body: bytes, content_type: str) -> Iterator[Part]:
    """The parts of a body with this Content-Type header. Each part's content is copied just once.

    Raises `InvalidRequest` for what is no such form.
    """
    _, options = parse_options_header(content_type)
    try:
        parser = PushMultipartParser(
            options.get("boundary", ""),
            content_length=len(body),
            max_segment_count=_PARTS,
            strict=True,
        )
        with parser:
            segment: MultipartSegment | None = None
            chunks: list[bytes] = []
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, chunks = event, []
                elif event is not None:
                    chunks.append(event)
                elif segment is not None:
                    yield _part(segment, b"".join(chunks))
    except MultipartError as error:
        raise InvalidRequest(f"The body is not valid multipart/form-data: {error.args[0]}") from None


def _part(segment: MultipartSegment, data: bytes) -> Part:
    return Part(
        name=segment.name,
        filename=_extended_name(segment) or segment.filename,
        content_type=segment.content_type,
        charset=(segment.charset or "utf-8").lower(),
        data=data,
    )


def _extended_name(segment: MultipartSegment) -> str | None:
    """The name in `filename*` (RFC 8187), which older HTTP libraries send for names beyond ASCII."""
    unquoted = re.sub(r'"[^"]*"', '""', segment.header("Content-Disposition"))
    found = _EXTENDED_NAME.search(unquoted)
    if found is None:
        return None
    try:
        return unquote(found[2], encoding=found[1], errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{segment.name}: its filename {shown(found[2])} is not {found[1]}") from None
