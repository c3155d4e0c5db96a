"""What other tools leave in a folder: notes of their own, which are nobody's model. docs/compatibility.md lists it."""

from __future__ import annotations

import os
import re

# Version control, downloads, Python and notebooks, desktops, file systems; in lower case.
_NAMES = frozenset(
    {
        *(".git", ".hg", ".svn", ".dvc", ".huggingface"),
        *("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
        *(".ds_store", "__macosx", "icon\r", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems"),
        *("thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
        *("lost+found", "@eadir"),
    }
)
# What Vim, Emacs, LibreOffice and Microsoft Office keep beside an open file, copies of the file before, and what NFS
# keeps of a file that was removed while it was open.
_PATTERNS = re.compile(
    r"\..+\.sw[a-px]|.+~|#.+#|\.#.+|\.~lock\..+#|~\$.+|\.nfs[0-9a-f]{24}", re.IGNORECASE | re.DOTALL
)
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
"""How AppleDouble files begin: https://www.rfc-editor.org/rfc/rfc1740#appendix-A"""


def is_leftover(name: str, folder: str) -> bool:
    """Whether a file or folder of this name is one, in a folder that is called `folder`."""
    lower = name.lower()
    if lower in _NAMES:
        return True
    # https://huggingface.co/docs/huggingface_hub/guides/download#download-files-to-a-local-folder
    if lower == "huggingface" and folder == ".cache":
        return True
    return _PATTERNS.fullmatch(name) is not None


def is_leftover_file(path: str, size: int) -> bool:
    """Whether a file is one by what is in it.

    A lock by `filelock` is empty, unlike `poetry.lock` and the like, and stays when it is released. An AppleDouble file
    holds what macOS knows of the file whose name follows its ``._``.
    """
    name = os.path.basename(path)
    if name.endswith(".lock"):
        return size == 0
    if not name.startswith("._"):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4) == _APPLE_DOUBLE
    except OSError:
        return False
