"""The ranges that a page of a user's versions is read from: the narrowest index, and what is left as a condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.indexes import GlobalSecondaryIndex

from chalicelib.store import keys
from chalicelib.store.rows import Row
from chalicelib.store.table import Range


@dataclass(frozen=True, slots=True)
class Filters:
    """What versions must have: all of it."""

    framework: str | None = None
    model_type: str | None = None
    tags: Sequence[str] = ()

    def condition(self, *, without: str = "") -> Any:
        """The filters as a condition on rows, but for the one that an index answers; None when none is left."""
        parts: list[Any] = [Row.tags.contains(tag) for tag in self.tags if without != f"tag {tag}"]
        if self.framework and without != "framework":
            parts.append(Row.framework == self.framework)
        if self.model_type and without != "model_type":
            parts.append(Row.model_type == self.model_type)
        condition = None
        for part in parts:
            condition = part if condition is None else condition & part
        return condition


def newest(user_id: str, filters: Filters, after: str | None) -> Range:
    """The user's versions that pass the filters, newest first, behind the one with the created key `after`.

    By tag the rows only name versions; otherwise they are the versions themselves.
    """
    if filters.tags:
        tag = filters.tags[0]
        pk = keys.tag_pk(user_id, tag)
        return Range(pk, backwards=True, condition=filters.condition(without=f"tag {tag}"), below=after)
    index: GlobalSecondaryIndex[Row] = Row.newest
    pk, answered = user_id, ""
    if filters.framework:
        pk, index, answered = f"{user_id}#{filters.framework}", Row.newest_by_framework, "framework"
    elif filters.model_type:
        pk, index, answered = f"{user_id}#{filters.model_type}", Row.newest_by_model_type, "model_type"
    condition = filters.condition(without=answered)
    return Range(pk, index=index, backwards=True, condition=condition, below=after)


def word(user_id: str, beginning: str, filters: Filters) -> Range:
    """The rows of the user's words that begin so, in versions that pass the filters."""
    return Range(keys.words_pk(user_id), beginning, condition=filters.condition())
