"""Pages: as many documents as were asked for, and no more than an answer may hold."""

from typing import Generic, TypeVar

from msgspec import Struct, json

from chalicelib.registry.documents import ANSWER_LIMIT

Document = TypeVar("Document", bound=Struct)


class Page(Generic[Document]):
    """A page of documents that is filled until it has `limit` of them, or as many bytes as an answer may have."""

    def __init__(self, limit: int) -> None:
        """An empty page."""
        self.documents: list[Document] = []
        self.cut = False
        self.limit = limit
        self._bytes = 0

    def add(self, document: Document) -> bool:
        """Adds a document; False, and `cut`, when the page is full: it belongs to the next."""
        self._bytes += len(json.encode(document))
        full = len(self.documents) == self.limit or (self.documents and self._bytes > ANSWER_LIMIT)
        if full:
            self.cut = True
            return False
        self.documents.append(document)
        return True
