"""The ranges that a page of a user's versions is read from: the narrowest index, and conditions for what else holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.indexes import GlobalSecondaryIndex

from chalicelib.paths import composed
from chalicelib.schema.documents import VersionDocument
from chalicelib.store import keys
from chalicelib.store.rows import Row
from chalicelib.store.table import Range


@dataclass(frozen=True, slots=True)
class Filters:
    """What versions must have: all of it."""

    framework: str | None = None
    model_type: str | None = None
    tags: Sequence[str] = ()
    """In NFC."""

    def passes(self, document: VersionDocument) -> bool:
        """Whether a version has all of it. A row of an index can outlive a change, and two tags share a mark."""
        return (
            self.framework in (None, document.framework)
            and self.model_type in (None, document.model_type)
            and set(self.tags) <= set(map(composed, document.tags))
        )

    def condition(self, *, without: str = "") -> Any:
        """Framework and model type as a condition on rows, but for the one that an index answers; None for none."""
        condition = None
        if self.framework and without != "framework":
            condition = Row.framework == self.framework
        if self.model_type and without != "model_type":
            model_type = Row.model_type == self.model_type
            condition = model_type if condition is None else condition & model_type
        return condition

    def tag_condition(self) -> Any:
        """The filters as a condition on the rows of the first tag."""
        condition = self.condition()
        for tag in self.tags[1:]:
            # Rows of version 0.1 have no marks: they pass, and their documents decide.
            marked = Row.marks.contains(keys.tag_mark(tag)) | Row.marks.does_not_exist()
            condition = marked if condition is None else condition & marked
        return condition


def newest(user_id: str, filters: Filters, after: str | None) -> Range:
    """The user's versions that pass the filters, newest first, behind the one with the created key `after`.

    By tag the rows only name versions, and some of them need not pass: see `Filters.passes`. Otherwise they are the
    versions themselves.
    """
    if filters.tags:
        pk = keys.tag_pk(user_id, filters.tags[0])
        return Range(pk, backwards=True, condition=filters.tag_condition(), below=after)
    index: GlobalSecondaryIndex[Row] = Row.newest
    pk, answered = user_id, ""
    if filters.framework:
        pk, index, answered = f"{user_id}#{filters.framework}", Row.newest_by_framework, "framework"
    elif filters.model_type:
        pk, index, answered = f"{user_id}#{filters.model_type}", Row.newest_by_model_type, "model_type"
    condition = filters.condition(without=answered)
    return Range(pk, index=index, backwards=True, condition=condition, below=after)


def words(user_id: str, between: tuple[str, str], filters: Filters) -> Range:
    """The rows of the user's words between two sort keys, both included, in versions of this framework and model type.

    The last word first, and of one word the newest.
    """
    low, high = between
    pk = keys.words_pk(user_id)
    return Range(pk, at_least=low, at_most=high, backwards=True, condition=filters.condition())


def tagged(user_id: str, between: tuple[str, str], filters: Filters) -> Range:
    """The rows of the first tag of the filters between two created keys, both included, the newest first."""
    low, high = between
    pk = keys.tag_pk(user_id, filters.tags[0])
    return Range(pk, at_least=low, at_most=high, backwards=True, condition=filters.tag_condition())


def word(user_id: str, beginning: str, filters: Filters) -> Range:
    """The rows of the user's words that begin so, in versions of this framework and model type."""
    return Range(keys.words_pk(user_id), beginning, condition=filters.condition())
