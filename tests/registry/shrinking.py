"""Rows, pages and batches made small, so that a handful of files crosses the boundaries that thousands cross."""

import sys

from each import each


def shrink(monkeypatch, **sizes):
    """Sets constants of the service, by name, in every module that has them."""
    for name, size in each(sizes.items()):
        found = [
            module
            for package, module in list(sys.modules.items())
            if package.startswith("chalicelib") and name in vars(module)
        ]
        assert found, f"no module has {name}"
        for module in each(found):
            assert isinstance(getattr(module, name), int)
            monkeypatch.setattr(module, name, size)


def shrink_to_one(monkeypatch):
    """With these each of two files has a row of its own in every list, and each row a batch of its own."""
    shrink(monkeypatch, FILES_PER_ROW=1, INLINE_FILES=1, BATCH=1, CHUNK=1)


def shrink_all(monkeypatch):
    """With these, seven files have a list of their own of three rows, each in another batch, and two pages of URLs."""
    shrink(monkeypatch, FILES_PER_ROW=3, INLINE_FILES=2, BATCH=1, WRITERS=2, CHUNK=4, URLS=4)
