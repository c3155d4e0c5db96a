"""Completion, by the scripts that shells are given; those that are not installed here are left out."""

import os
import shutil
import subprocess
import sys

import pytest

COMPLETES = {
    "bash": """
        eval "$(weighthouse completion bash)"
        COMP_WORDS=(weighthouse {command} {begun}) COMP_CWORD=2
        _weighthouse_completion weighthouse
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "fish": """
        weighthouse completion fish | source
        complete --do-complete 'weighthouse {command} {begun}'
    """,
}


@pytest.fixture
def said(service, tmp_path):
    """What a shell prints that is run with arguments, in a home without any settings."""

    def run(shell, *arguments):
        if shutil.which(shell) is None:
            pytest.skip(f"there is no {shell} here")
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            [shell, *arguments],
            env={**os.environ, "WEIGHTHOUSE_URL": service.url, "HOME": str(tmp_path), "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert ran.stderr == ""
        return ran.stdout

    return run


@pytest.fixture
def completions(said):
    """What a shell offers for a word that is begun after a command."""

    def complete(shell, command, begun):
        offered = said(shell, "-c", COMPLETES[shell].format(command=command, begun=begun))
        return [line.partition("\t")[0].strip() for line in offered.splitlines() if line]

    return complete


@pytest.mark.parametrize("shell", COMPLETES)
def test_names_are_completed_as_the_service_knows_them(completions, stored, shell):
    user = f"completed-{shell}"
    for version in ("v1", "v2"):
        stored(user, "net", {"a": b"1"}, version)
    assert completions(shell, "pull", f"{user}/") == [f"{user}/net"]
    assert sorted(completions(shell, "info", f"{user}/net:v")) == [f"{user}/net:v1", f"{user}/net:v2"]
    assert completions(shell, "info", f"{user}-2/") == []


@pytest.mark.parametrize("shell", COMPLETES)
def test_options_are_completed(completions, shell):
    assert completions(shell, "push", "--frame") == ["--framework"]


def test_zsh_takes_its_script_without_any_settings(said):
    script = 'eval "$(weighthouse completion zsh)" && print $_comps[weighthouse]'
    assert said("zsh", "-f", "-c", script) == "_weighthouse_completion\n"
