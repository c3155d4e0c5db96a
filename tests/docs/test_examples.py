"""The examples of the documentation are run as they stand, in a shell."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("curl", "python3", "split", "paste", "cmp")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="the examples use curl")
@pytest.mark.parametrize("page", ["README.md", "docs/api.md", "docs/client.md", "client/README.md"])
def test_the_examples_work(page, service, tmp_path):
    text = (ROOT / page).read_text().replace("http://localhost:8000", service.url)
    in_shell, in_python = (blocks(text, language) for language in ("sh", "python"))
    (tmp_path / "examples.py").write_text(in_python)
    # With --fail a curl that is answered with an error ends the script.
    (tmp_path / ".curlrc").write_text("fail\n")
    here = Path(sys.executable)
    ran = subprocess.run(
        ["sh", "-ex"],
        input=f"{in_shell}\n'{here}' examples.py\n",
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{os.environ['PATH']}:{here.parent}",
            "CURL_HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path),
            "WEIGHTHOUSE_URL": service.url,
            "no_proxy": "*",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]


def blocks(text, language):
    """The examples in one language, one after the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
