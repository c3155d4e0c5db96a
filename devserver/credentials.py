"""The keys of a data folder's AWS stand-in: made once and kept, so that what was signed holds over a restart."""

import json
import os
import secrets
from pathlib import Path

from devserver.signatures import Keys


def keys_of(folder: Path) -> Keys:
    """The keys in `credentials.json` of a data folder; new ones where it has none that can be read."""
    file = folder / "credentials.json"
    try:
        kept = json.loads(file.read_text())
        return Keys(kept["access_key"], kept["secret_key"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    # By an id of twelve digits MiniStack would know an account of another name.
    made = Keys(f"WH{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
    written = file.with_suffix(".new")
    written.unlink(missing_ok=True)
    # Whatever the umask is, and from its first byte on.
    with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        json.dump({"access_key": made.id, "secret_key": made.secret}, new)
    written.replace(file)
    return made
