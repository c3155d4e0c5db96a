"""What `user/model:version` means."""

import pytest

from weighthouse import names
from weighthouse.errors import InvalidInput


@pytest.mark.parametrize("word", ["latest", "Latest", "LATEST"])
def test_latest_is_a_model_without_a_version(word):
    assert names.parse_name(f"ana/iris:{word}") == names.Name("ana", "iris", None)
    with pytest.raises(InvalidInput, match="the word for the highest there is"):
        names.new_version(word)


def test_next_in_any_case_is_one_word():
    assert [names.new_version(word) for word in ("next", "Next", "v1")] == ["next", "next", "v1"]
