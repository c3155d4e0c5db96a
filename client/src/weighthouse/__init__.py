"""Weighthouse from Python: push model files to a registry, pull them, and find them.

    from weighthouse import Client

    client = Client("https://models.example.org")
    client.push("net/", "mira", "net", description="A small net")
    client.pull("mira", "net", directory="copy")

What is imported here is the public API, and changes by Semantic Versioning; modules are not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighthouse._version import __version__
    from weighthouse.client import Client
    from weighthouse.documents import File, Version
    from weighthouse.errors import (
        Conflict,
        ContentMismatch,
        FileChanged,
        Forbidden,
        InvalidAnswer,
        InvalidInput,
        InvalidRequest,
        LocalEdits,
        NotAuthenticated,
        NotFound,
        ServiceError,
        StoreRefused,
        TooLarge,
        Unavailable,
        Unreachable,
        WeighthouseError,
    )
    from weighthouse.progress import FileProgress, OnProgress, Progress
    from weighthouse.pull.pulling import Pulled
    from weighthouse.pull.remote import RemoteFile
    from weighthouse.push.pushing import Pushed

_MODULES = {
    "_version": ("__version__",),
    "client": ("Client",),
    "documents": ("File", "Version"),
    "errors": (
        "Conflict",
        "ContentMismatch",
        "FileChanged",
        "Forbidden",
        "InvalidAnswer",
        "InvalidInput",
        "InvalidRequest",
        "LocalEdits",
        "NotAuthenticated",
        "NotFound",
        "ServiceError",
        "StoreRefused",
        "TooLarge",
        "Unavailable",
        "Unreachable",
        "WeighthouseError",
    ),
    "progress": ("FileProgress", "OnProgress", "Progress"),
    "pull.pulling": ("Pulled",),
    "pull.remote": ("RemoteFile",),
    "push.pushing": ("Pushed",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Client",
    "Conflict",
    "ContentMismatch",
    "File",
    "FileChanged",
    "FileProgress",
    "Forbidden",
    "InvalidAnswer",
    "InvalidInput",
    "InvalidRequest",
    "LocalEdits",
    "NotAuthenticated",
    "NotFound",
    "OnProgress",
    "Progress",
    "Pulled",
    "Pushed",
    "RemoteFile",
    "ServiceError",
    "StoreRefused",
    "TooLarge",
    "Unavailable",
    "Unreachable",
    "Version",
    "WeighthouseError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Imports what is used when it is used: `weighthouse --help` needs none of it, and urllib3 takes its time."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
