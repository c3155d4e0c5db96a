"""The maker of a ZIP killed at every single write: its parts are given up, and the ZIP can be had."""

from contextlib import suppress

from api import everything
from faults import Killed, kills
from uploading import LATER, Uploader

from chalicelib.registry import clock
from chalicelib.registry.sweeping import sweep
from chalicelib.store import builds, multipart, objects


def test_the_sweep_gives_up_what_a_killed_maker_left(api, monkeypatch):
    uploader, now = Uploader(api), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + uploader.late)
    uploader.form_folder()

    def zipped():
        return api.get(f"{uploader.address}/download", accept="application/zip")

    left = 0
    for fault in kills():
        with fault.acting(), suppress(Killed):
            zipped()
        left += len(everything()[1])
        uploader.late += LATER
        sweep()
        assert everything()[1] == set(), fault
        assert zipped().status == 200, fault
        objects.delete_prefix("zips/")
    assert left


def test_the_sweep_leaves_a_zip_in_the_making(api):
    key = "zips/ana/m/v1/content.zip"
    assert builds.ask(key, now=clock.now(), lease_until=clock.now() + 60)
    multipart.create(key, "application/zip")
    sweep()
    assert everything()[1] == {key}
