"""A manifest is written over what was read, or where there is none: whatever comes between, none is lost."""

import io
import zipfile
from contextlib import suppress

import pytest
from agreement import assert_agreement, sweep_later
from api import everything
from faults import Fault, Killed, kills
from msgspec import json, structs
from stealing import changed, removed, stolen
from stores import once
from uploading import LATER, zipped

from chalicelib.registry import clock, manifests
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import keys, objects, table, versions

ONE = "/ai-models/ana/iris"
MINE = {"algorithm": "mine", "tags": ["mine"]}
THEIRS = {"training_dataset": "theirs"}


def key(version="v1"):
    return keys.manifest_key("ana", "iris", version)


def lose(version):
    objects.delete([key(version)])


def damage(version):
    objects.put(key(version), b"<Error>")


def cut_short(version):
    objects.put(key(version), objects.get(key(version))[:-9])


def misplace(version):
    """One of another version lies in its place."""
    record = manifests.read("ana", "iris", version)
    objects.put(
        key(version),
        json.encode(structs.replace(record, document=structs.replace(record.document, version="x"))),
    )


def keep_an_old_one(version):
    """A version of that name was there before, changed often."""
    record = structs.replace(manifests.read("ana", "iris", version), upload_id="0" * 32, revision=99)
    objects.put(key(version), json.encode(record))


def bring_back(version):
    """What a backup brings: the same, with another ETag."""
    objects.put(key(version), objects.get(key(version)) + b" ")


def run_ahead(api):
    """Another writer dies between the manifest and the table."""

    def run(version):
        with Fault(1, kill=True, reads=False).acting(), suppress(Killed):
            api.put(f"{ONE}?version={version}", THEIRS)

    return run


ACCIDENTS = [lose, damage, cut_short, misplace, keep_an_old_one, bring_back, run_ahead]


def nothing(version):
    pass


@pytest.fixture(params=[nothing, *ACCIDENTS], ids=lambda accident: accident.__name__)
def accident(request, api):
    return run_ahead(api) if request.param is run_ahead else request.param


@pytest.fixture
def later(monkeypatch):
    """Lets time pass."""
    now, passed = clock.now, [0]
    monkeypatch.setattr(clock, "now", lambda: now() + passed[0])

    def pass_by():
        passed[0] += LATER

    return pass_by


def lose_the_table():
    table.delete_table()
    table.create_table()


def test_a_change_mends_what_happened_to_the_manifest(api, accident):
    api.upload()
    accident("v1")
    changed = api.put(f"{ONE}?version=v1", MINE)
    assert (changed.status, changed.json["algorithm"]) == (200, "mine")
    assert_agreement()
    lose_the_table()
    rebuild()
    assert api.get(ONE).json == changed.json


POINTS = {
    "first write": (0, False),
    "second write": (1, False),
    "third write": (2, False),
    "transaction": (0, True),
}
"""Writes of a change before which somebody else comes: of the manifest, and of the version's row."""
CASES = [("nothing", "first write"), ("nothing", "transaction")]
CASES += [(name, point) for name in ("lose", "keep_an_old_one") for point in POINTS]


@pytest.fixture(params=CASES, ids=", ".join)
def change(request, api):
    """Makes a change of a version to whose manifest something has happened, with an act of somebody else between."""
    name, point = request.param
    number, of_row = POINTS[point]
    assert api.upload().status == 200
    {accident.__name__: accident for accident in (nothing, *ACCIDENTS)}[name]("v1")

    def made(act):
        wanted = versions.key("ana", "iris", "v1") if of_row else key()
        with stolen(wanted, lambda _: act(), number=number):
            answer = api.put(f"{ONE}?version=v1", MINE)
        assert answer.status in (200, 404), answer.content

    return made


def delete(api):
    assert api.delete(ONE, version="v1").status == 200


def replace(api):
    delete(api)
    assert api.upload(name="Reborn").status == 200


def assert_whole(api):
    """The two stores agree, and the one can be made again from the other."""
    assert_agreement()
    document = api.get(f"{ONE}?version=v1").json
    lose_the_table()
    rebuild()
    assert api.get(f"{ONE}?version=v1").json == document
    return document


def test_a_new_version_of_that_name_keeps_its_manifest(api, change):
    change(lambda: replace(api))
    assert api.put(f"{ONE}?version=v1", THEIRS).status == 200
    assert assert_whole(api)["name"] == "Reborn"


def test_another_change_is_not_lost(api, change):
    change(lambda: api.put(f"{ONE}?version=v1", THEIRS))
    document = assert_whole(api)
    assert {name: document[name] for name in MINE | THEIRS} == MINE | THEIRS


def test_a_version_that_is_deleted_leaves_none(api, change):
    change(lambda: delete(api))
    assert everything() == (set(), set(), set())


@pytest.mark.parametrize("writes", [2, 3], ids=["before its manifest", "before its transaction"])
def test_a_new_version_whose_upload_died_comes_with_the_next_upload(api, change, later, writes):
    def half_replace():
        delete(api)
        with Fault(writes, kill=True, reads=False).acting(), suppress(Killed):
            api.upload(name="Dead")

    change(half_replace)
    later()
    assert api.upload(name="Reborn").status == 200
    assert assert_whole(api)["name"] == "Reborn"


def test_a_change_that_came_too_late_takes_no_newer_manifest_back(api):
    """It wrote its manifest, then the version was deleted, and a new one appears before it cleans up."""
    api.upload()

    def upload():
        assert api.upload(name="Reborn").status == 200

    lose("v1")
    row = versions.key("ana", "iris", "v1")
    # Between the manifest that is restored and the row: the deletion has looked for manifests before.
    with stolen(row, lambda _: api.delete(ONE, version="v1")), stolen(key(), lambda _: upload(), number=2):
        answer = api.put(f"{ONE}?version=v1", MINE)
    assert answer.status in (200, 404)
    assert assert_whole(api)["name"] == "Reborn"


def test_a_publisher_that_lost_its_reservation_replaces_no_manifest(api, later):
    """It was stopped right before its manifest, for longer than its lease; another upload of that name came."""

    def sleep_on(_):
        later()
        sweep_later()
        assert api.upload(name="Reborn").status == 200

    with stolen(key(), sleep_on):
        assert api.upload(name="Asleep").status == 503
    assert assert_whole(api)["name"] == "Reborn"


def test_a_publisher_that_slept_replaces_no_manifest(api, later):
    """What it finds in its place may be of another run, which publishes this upload by now."""
    objects.put(key(), b"of another run")
    with stolen(key(), lambda _: later()):
        assert api.upload().status == 503
    assert objects.get(key()) == b"of another run"


def test_a_publisher_that_lost_its_reservation_replaces_no_list_of_files(api, later):
    def sleep_on(_):
        later()
        sweep_later()
        assert api.upload_zip(zipped({f"{number}.txt": b"x" for number in range(11)})).status == 200

    files = {f"{number}.txt": b"" for number in range(12)}
    with stolen(keys.manifest_files_key("ana", "net", "v1"), sleep_on):
        assert api.upload_zip(zipped(files)).status == 503
    assert len(manifests.read_files(manifests.read("ana", "net", "v1"))) == 11


def test_a_publisher_that_lost_its_upload_leaves_no_manifest(api, later):
    def sleep_on(_):
        later()
        sweep_later()

    with stolen(key(), sleep_on):
        assert api.upload(name="Asleep").status == 503
    assert everything()[:2] == (set(), set())


def test_a_list_of_files_that_an_older_version_left_is_replaced(api):
    objects.put(keys.manifest_files_key("ana", "net", "v1"), b'{"path": "old"}')
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(12):
            archive.writestr(f"{number}.txt", b"x")
    assert api.upload_zip(packed.getvalue()).status == 200
    record = manifests.read("ana", "net", "v1")
    assert len(manifests.read_files(record)) == 12


class TestWhatIsTakenBack:
    """What a writer takes back that the table has refused: its own manifest, while nobody needs it."""

    @pytest.fixture
    def record(self, api):
        api.upload()
        return manifests.read("ana", "iris", "v1")

    ROW = versions.key("ana", "iris", "v1")

    @pytest.mark.parametrize(
        "act",
        [removed, changed(upload_id="0" * 32), changed(state=versions.DELETING)],
        ids=["gone", "another", "being deleted"],
    )
    def test_is_removed_when_its_version_is_gone(self, record, act):
        act(self.ROW)
        manifests.take_back(record)
        assert not objects.exists(key())

    @pytest.mark.parametrize("state", [versions.READY, versions.UPLOADING])
    def test_stays_while_its_version_is_there(self, record, state):
        changed(state=state)(self.ROW)
        manifests.take_back(record)
        assert objects.exists(key())

    def test_stays_when_another_is_written_right_then(self, record):
        removed(self.ROW)
        with stolen(key(), lambda _: objects.put(key(), b"theirs")):
            manifests.take_back(record)
        assert objects.get(key()) == b"theirs"


def test_a_name_that_is_lost_before_the_manifest_keeps_the_manifest_of_its_owner(api):
    """The lease still holds: the row alone says whose the name is."""

    def lose_the_name(_):
        changed(upload_id="0" * 32)(versions.key("ana", "iris", "v1"))
        objects.put(key(), b"theirs")

    with stolen(key(), lose_the_name):
        assert api.upload().status == 503
    assert objects.get(key()) == b"theirs"


@pytest.mark.parametrize("accident", [nothing, lose], ids=["there", "lost"])
def test_a_change_that_dies_anywhere_leaves_a_new_version_its_manifest(api, accident):
    """The version is deleted and uploaded anew before the change's first manifest, then the change is killed."""
    uploaded = once(lambda: (api.upload(), accident("v1")))
    for fault in kills():
        uploaded()
        done = []

        def act(_, done=done):
            replace(api)
            done.append(True)

        with suppress(Killed), fault.acting(), stolen(key(), act):
            api.put(f"{ONE}?version=v1", MINE)
        if done:
            row = versions.find("ana", "iris", "v1")
            assert manifests.read("ana", "iris", "v1").upload_id == row.upload_id, fault
