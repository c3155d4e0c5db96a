"""The service cut off from AWS for one call, at every call that an upload makes, before and after it took effect.

The client sees an error that says to try again, and trying again works.
"""

from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError
from faults import cuts
from pynamodb.exceptions import PynamoDBException
from repeats import again
from shrinking import shrink_to_one
from uploading import AFTER_EXPIRY, FILES, LATER

from chalicelib.settings import settings


@pytest.mark.parametrize("folder", [False, True])
def test_a_form_is_published_or_can_be_sent_again(uploader, folder):
    send, files = (
        (uploader.form_folder, FILES) if folder else (uploader.form, {"model.pt": FILES["model.pt"]})
    )
    for fault in cuts(reads=not folder):
        with fault.acting():
            answer = send()
        assert answer.status in (200, 503), (fault, answer.content)
        if not uploader.is_there():
            assert answer.headers["retry-after"]
            # One whose reservation was made, but not known to be made, is in the way until its lease lapses.
            uploader.late += 100 if fault.after else 0
            assert send().status == 200, fault
        uploader.check_whole(files)
        uploader.remove()


def test_a_plan_can_be_asked_for_again(uploader, monkeypatch):
    # So that the list of two files takes more writes than one.
    shrink_to_one(monkeypatch)
    ask = uploader.plan_files
    for fault in cuts(reads=True):
        with fault.acting():
            answer = ask()
        assert answer.status in (200, 503), (fault, answer.content)
        if answer.status == 503:
            answer = ask()
            if answer.status == 409:
                # The error names the upload whose reservation was made, but not known to be made.
                assert (fault.failed, fault.after) == ("TransactWriteItems", True)
                upload_id = answer.json["detail"].partition("(upload ")[2].partition(":")[0]
                given_up = uploader.api.delete(f"/ai-models/uploads/{upload_id}").status
                assert given_up in (204, 409)
                # One whose list is not whole goes by itself, once the lease of its plan has lapsed.
                uploader.late += 100 if given_up == 409 else 0
                answer = ask()
        assert answer.status == 200, (fault, answer.content)
        uploader.send()
        assert uploader.follow(uploader.complete()).status == 200, fault
        uploader.check_whole(FILES)
        uploader.remove()


@pytest.mark.parametrize("kind", ["here", again("later"), again("folder")])
def test_a_completion_is_gone_on_with(uploader, monkeypatch, kind):
    if kind == "later":
        monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", "1")
        settings.cache_clear()
    plan = uploader.plan_folder if kind == "folder" else uploader.plan_files
    planned = uploader.once(lambda: (plan(), uploader.send()))
    for fault in cuts(reads=kind == "here"):
        planned()
        with fault.acting():
            answer = uploader.complete()
            # An event whose function fails is delivered again.
            with suppress(BotoCoreError, PynamoDBException):
                uploader.api.deliver()
        assert answer.status in (200, 202, 503), (fault, answer.content)
        uploader.api.deliver()
        answer = uploader.complete()
        if answer.status == 202:
            uploader.late += LATER
            answer = uploader.follow(uploader.complete())
        assert answer.status == 200, (fault, answer.content)
        uploader.check_whole(FILES)
        uploader.late += AFTER_EXPIRY
        uploader.remove()


def test_an_abort_can_be_repeated(uploader):
    planned = uploader.once(lambda: (uploader.plan_files(), uploader.send()))
    for fault in cuts(reads=True):
        planned()
        with fault.acting():
            answer = uploader.abort()
        assert answer.status in (204, 503), (fault, answer.content)
        uploader.late += LATER
        assert uploader.abort().status in (204, 404), fault
        uploader.check_empty()
