"""The examples of the documentation are run as they stand, in a shell."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("curl", "python3", "split", "paste", "cmp")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="the examples use curl")
@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_the_examples_work(page, service, tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join(blocks).replace("http://localhost:8000", service.url)
    # With --fail a curl that is answered with an error ends the script.
    (tmp_path / ".curlrc").write_text("fail\n")
    ran = subprocess.run(
        ["sh", "-ex"],
        input=script,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "CURL_HOME": str(tmp_path), "no_proxy": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
