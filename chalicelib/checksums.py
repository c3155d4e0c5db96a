"""CRC-32, by ISA-L where it is installed: some three times as fast as zlib's."""

try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

__all__ = ["crc32"]
