"""Settings that are misspelt, and a rebuild of nothing, are refused."""

from pathlib import Path

import pytest

from devserver.console import Halt
from devserver.options import Options
from devserver.server import rebuild
from devserver.variables import check_names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WEIGHTHOUSE_FORM_LIMTI", "WEIGHTHOUSE_FORM_LIMIT"),
        ("WEIGHTHOUSE_JWTISSUER", "WEIGHTHOUSE_JWT_ISSUER"),
        ("WEIGHTHOUSE_LOGS_DAYS", "WEIGHTHOUSE_LOG_DAYS"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_is_meant(name: str, meant: str) -> None:
    with pytest.raises(Halt, match=f"There is no setting {name}: did you mean {meant}"):
        check_names([name, "PATH"])


def test_settings_of_the_client_and_of_a_deployment_are_known() -> None:
    check_names(["WEIGHTHOUSE_URL", "WEIGHTHOUSE_TOKEN", "WEIGHTHOUSE_CACHE", "WEIGHTHOUSE_DOMAIN", "HOME"])


def test_a_rebuild_without_its_data_folder_is_refused_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Halt, match="as in DATA_DIR=data make rebuild"):
        rebuild(Options(0, tmp_path / "gone"))
    assert not (tmp_path / "gone").exists()
