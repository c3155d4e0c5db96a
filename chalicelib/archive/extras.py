"""Extra fields of ZIP headers (APPNOTE 4.5) and how a member is named in errors."""

from collections.abc import Sequence
from struct import Struct, unpack_from

from chalicelib.errors import InvalidArchive

ZIP64 = 0x0001
UNICODE_PATH = 0x7075
UINT16 = 0xFFFF
UINT32 = 0xFFFFFFFF

_FIELD = Struct("<HH")
_SHOWN = 200


def refuse(name: str | bytes, problem: str) -> InvalidArchive:
    """The error that refuses the archive for one member; `problem` says what is wrong and what to do.

    `name` is its path, or its name as the archive has it.
    """
    if isinstance(name, bytes):
        name = name.decode(errors="backslashreplace")
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
    return InvalidArchive(f"The ZIP's member {shown!r} {problem}")


def extra_fields(extra: bytes, name: str | bytes) -> dict[int, bytes]:
    """The extra fields by their id.

    Raises `InvalidArchive` when one runs past the end, or when ZIP64 or Unicode path is there twice, as
    programs then disagree on which counts. Up to 3 bytes of padding at the end are ignored.
    """
    fields: dict[int, bytes] = {}
    position = 0
    while position + _FIELD.size <= len(extra):
        field, length = _FIELD.unpack_from(extra, position)
        position += _FIELD.size
        if position + length > len(extra):
            raise refuse(name, "has a damaged extra field: make the ZIP again")
        if field in fields and field in (ZIP64, UNICODE_PATH):
            raise refuse(name, f"has the extra field 0x{field:04x} twice: make the ZIP again")
        fields[field] = extra[position : position + length]
        position += length
    return fields


def widen(values: Sequence[int], fields: dict[int, bytes], name: str | bytes) -> Sequence[int]:
    """The 32-bit `values`, each 0xFFFFFFFF replaced by the next 64-bit one of the ZIP64 field (4.5.3).

    Raises `InvalidArchive` when the field has too few.
    """
    if UINT32 not in values:
        return values
    count = values.count(UINT32)
    wide = fields.get(ZIP64, b"")
    if len(wide) < 8 * count:
        raise refuse(name, "lacks the ZIP64 sizes that its header refers to: make the ZIP again")
    twins = iter(unpack_from(f"<{count}Q", wide))
    return [next(twins) if value == UINT32 else value for value in values]
