"""Folders as tests of the client make and read them, and clients at once."""

from threading import Thread


def made(folder, files):
    """The folder with these files in it, content by path."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def tree(folder):
    """The files in a folder, content by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def run_at_once(action, count):
    """Lets so many threads do it; what they raised."""
    failed = []

    def run():
        try:
            action()
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed
