"""One client in many processes and threads: each gets its own answers."""

import io
import multiprocessing
import os
import pickle
import random
import select
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.pool import Pool

import pytest
from each import each
from pretender import Pretender

from weighthouse import Client, ContentMismatch, NotFound, StoreRefused, errors
from weighthouse.notes import open_notes
from weighthouse.push.journal import Journal

DATA = random.Random(3).randbytes(5 << 20)
CALLS = 50


@pytest.fixture(scope="module")
def pretended():
    with Pretender({"weights": DATA, "config": b"{}"}) as pretender:
        yield pretender


def documents(client, who):
    """How many of many calls were answered as another's."""
    names = [f"m{who}-{number}" for number in range(CALLS)]
    return sum(client.get("u", name).model_id != name for name in names)


def contents(remote, who):
    """How many of many reads gave other bytes."""
    draw = random.Random(who)
    wrong = 0
    for _ in range(CALLS):
        start = draw.randrange(len(DATA) - 1000)
        remote.seek(start)
        wrong += remote.read(1000) != DATA[start : start + 1000]
    return wrong


def in_process(work, thing, who, ready, found):
    ready.wait(20)
    found.put(work(thing, who))


def at_once(method, work, thing, processes):
    """What `work` finds wrong in this process, and in others that begin at the same moment."""
    context = multiprocessing.get_context(method)
    ready, found = context.Barrier(processes + 1), context.Queue()
    started = [
        context.Process(target=in_process, args=(work, thing, who, ready, found), daemon=True)
        for who in range(processes)
    ]
    for process in started:
        process.start()
    ready.wait(20)
    wrong = [work(thing, processes), *(found.get(timeout=30) for _ in started)]
    for process in each(started):
        process.join(10)
        assert process.exitcode == 0
    return wrong


@pytest.mark.parametrize(("method", "processes"), [("fork", 3), ("spawn", 1)])
def test_processes_that_share_a_client_get_their_own_answers(pretended, method, processes):
    with Client(pretended.url) as client, client.open("u", "m", "weights") as remote:
        assert client.get("u", "m").model_id == "m"
        assert remote.read(1) == DATA[:1]
        assert at_once(method, documents, client, processes) == [0] * (processes + 1)
        assert at_once(method, contents, remote, processes) == [0] * (processes + 1)


def forked(work):
    """What `work` returns in a forked process, in bytes."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, work())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        if not select.select([answer], [], [], 20)[0]:
            os.kill(child, signal.SIGKILL)
        said = answer.read()
    os.waitpid(child, 0)
    return said


def is_open(inode):
    """Whether this process has a descriptor of a socket."""
    for descriptor in range(512):
        with suppress(OSError):
            if os.fstat(descriptor).st_ino == inode:
                return True
    return False


def idle(client, url):
    """The queue of connections to a host that are not in use."""
    return client.transport._connections.to(url).connection_from_url(url).pool


def test_a_forked_process_sends_nothing_by_a_connection_that_it_inherits_and_closes_its_copy(pretended):
    with Client(pretended.url) as client:
        client.get("u", "m")
        here = {asked.port for asked in pretended.asked if asked.path.endswith("/m")}
        before = len(pretended.asked)
        assert forked(lambda: client.get("u", "child").model_id.encode()) == b"child"
        assert not here & {asked.port for asked in pretended.asked[before:]}
        kept = os.fstat(idle(client, pretended.url).queue[-1].sock.fileno()).st_ino
        assert (is_open(kept), forked(lambda: str(is_open(kept)).encode())) == (True, b"False")
        # The connection of the one that forked is as it was.
        client.get("u", "again")
        assert pretended.asked[-1].port in here


def test_a_forked_process_never_waits_for_a_lock_that_a_thread_held(pretended):
    with Client(pretended.url) as client, client.open("u", "m", "weights") as remote:
        remote.read(1)
        connections, mutex = client.transport._connections, idle(client, pretended.url).mutex
        held, done = threading.Event(), threading.Event()

        def hold():
            with remote._lock, remote._source._lock, connections._lock, mutex:
                held.set()
                done.wait(30)

        threading.Thread(target=hold, daemon=True).start()
        held.wait(30)
        said = forked(lambda: client.get("u", "child").model_id.encode() + remote.read(1))
        done.set()
        assert said == b"child" + DATA[1:2]


def test_threads_that_share_a_client_get_their_own_answers(pretended):
    with Client(pretended.url) as client, ThreadPoolExecutor(8) as pool:
        found = pool.map(documents, [client] * 8, range(8))
        assert list(found) == [0] * 8


def test_a_client_can_be_closed_while_threads_use_it(pretended):
    with Client(pretended.url) as client, ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(documents, client, who) for who in range(4)]
        while not all(job.done() for job in asking):
            client.close()
        assert [job.result() for job in asking] == [0] * 4


def test_a_pickled_file_continues_where_it_was(pretended):
    with Client(pretended.url).open("u", "m", "weights") as remote:
        remote.seek(-7, io.SEEK_END)
        with pickle.loads(pickle.dumps(remote)) as again:
            assert again.tell() == len(DATA) - 7
            assert again.read() == DATA[-7:]
            assert (again.name, again.size, again.version, repr(again)) == (
                remote.name, remote.size, remote.version, repr(remote),
            )  # fmt: skip
        assert remote.tell() == len(DATA) - 7
    with pytest.raises(ValueError, match="closed"):
        pickle.dumps(remote)


@pytest.mark.parametrize("copied", [lambda remote: pickle.loads(pickle.dumps(remote)), None])
def test_a_copied_file_never_becomes_another_object(pretended, copied):
    with Client(pretended.url).open("u", "m", "weights") as remote:
        remote.read(1)
        pretended.etags["weights"] = '"another"'

        def read():
            try:
                return (copied(remote) if copied else remote).read(1)
            except ContentMismatch:
                return b"noticed"

        try:
            assert (read() if copied else forked(lambda: (remote.seek(4 << 20), read())[1])) == b"noticed"
        finally:
            pretended.etags.clear()


def test_a_pickle_holds_no_token_but_one_that_was_given(pretended, monkeypatch):
    assert b"secret" in pickle.dumps(Client(pretended.url, "secret"))
    monkeypatch.setenv("WEIGHTHOUSE_URL", pretended.url)
    monkeypatch.setenv("WEIGHTHOUSE_TOKEN", "secret")
    for given in ("secret", None):
        made = Client(pretended.url, given)
        pickled = pickle.dumps(made)
        assert (b"secret" in pickled) == bool(given)
        pickle.loads(pickled).get("u", "m")
        assert pretended.asked[-1].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no model", 404, "a-request"),
        StoreRefused("no", 403),
        errors.InvalidInput("wrong"),
        errors.of_status(503, "busy"),
    ],
)
def test_an_error_is_the_same_in_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)


def ask_for_nothing(url):
    Client(url).open("u", "m", "nothing")


def test_an_error_in_a_pool_reaches_the_one_that_waits(pretended):
    with Pool(1) as pool, pytest.raises(NotFound, match="has no file 'nothing'") as raised:
        pool.apply(ask_for_nothing, (pretended.url,))
    assert raised.value.status == 404


@pytest.fixture
def bystander():
    """Forks a process that does nothing but live for as long as the test."""
    born = []

    def fork():
        child = os.fork()
        if not child:
            signal.pause()
        born.append(child)

    yield fork
    for child in born:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_push_that_failed_can_be_given_again_while_a_forked_process_lives(tmp_path, bystander):
    journal = Journal(open_notes(), "a push")

    def fail():
        with journal.alone():
            bystander()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with journal.alone():
        pass


def test_a_pull_that_failed_can_be_given_again_while_a_forked_process_lives(
    pretended, tmp_path, bystander, monkeypatch
):
    monkeypatch.setattr("weighthouse.progress._EVERY", 0)

    def fail(progress):
        if progress.phase == "fetching" and progress.bytes_moved:
            bystander()
            raise RuntimeError

    with Client(pretended.url) as client:
        with pytest.raises(RuntimeError):
            client.pull("u", "m", "v1", directory=tmp_path, include=["weights"], on_progress=fail)
        client.pull("u", "m", "v1", directory=tmp_path)
    assert (tmp_path / "weights").read_bytes() == DATA


def test_a_process_forked_in_the_midst_of_a_pull_pulls_and_pushes_on_its_own(pretended, tmp_path):
    begun, resumed = threading.Event(), threading.Event()

    def halt(progress):
        if progress.phase == "fetching":
            begun.set()
            resumed.wait(30)

    def transfer():
        assert client.pull("u", "m", "v1", directory=tmp_path / "child").files_fetched == 2
        return client.push(tmp_path / "child", "u", "m", "v1").version.version.encode()

    with Client(pretended.url) as client, ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(client.pull, "u", "m", "v1", directory=tmp_path / "parent", on_progress=halt)
        assert begun.wait(30)
        said = forked(transfer)
        resumed.set()
        assert (said, pulling.result().files_fetched) == (b"v1", 2)
    for process in ("parent", "child"):
        assert (tmp_path / process / "weights").read_bytes() == DATA
