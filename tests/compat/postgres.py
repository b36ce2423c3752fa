"""A real PostgreSQL on a loopback port of its own, in a folder that goes with it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ports import free_port

_PATIENCE = 20.0


def _program(name: str) -> str:
    # Debian keeps the server's programs off the PATH.
    found = shutil.which(name) or next(
        iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    assert found is not None, f"there is no {name}: install PostgreSQL (Debian: postgresql)"
    return str(found)


@contextmanager
def running_postgres() -> Iterator[str]:
    """A server that is empty, and its address."""
    # PostgreSQL does not run as root.
    user = "postgres" if os.geteuid() == 0 else None
    folder = tempfile.mkdtemp(prefix="loops-postgres-")
    try:
        if user is not None:
            shutil.chown(folder, user, user)
        data = str(Path(folder, "data"))
        subprocess.run(  # noqa: S603
            [_program("initdb"), "-D", data, "-U", "loops", "--auth=trust", "--no-sync"],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        port = free_port()
        server = subprocess.Popen(  # noqa: S603
            [
                _program("postgres"), "-D", data, "-p", str(port), "-c", "fsync=off",
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            ],
            user=user,
            cwd=folder,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait_until_it_answers(server, port)
            yield f"postgresql://loops@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(5)
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int) -> None:
    ready = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    end = time.monotonic() + _PATIENCE
    while subprocess.run(ready, check=False).returncode != 0:  # noqa: S603
        assert server.poll() is None, "PostgreSQL ended at once"
        assert time.monotonic() < end, "PostgreSQL does not answer"
        time.sleep(0.05)
