"""Attachments: from memory or a file, within the bound, and never at the loop's expense."""

import asyncio
import os
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loops_async import Attachment, InvalidInput, LoopsClient, SendReceipt, TransactionalEmail
from loops_async.codec import encode
from loops_async.sandbox import Sandbox

ADA = "ada@example.com"


async def mail(loops: LoopsClient, *attachments: Attachment, **options: Any) -> SendReceipt:
    return await loops.transactional.send("tx1", ADA, attachments=attachments, **options)


def sparse(path: Path, size: int) -> Path:
    """A file of ``size`` zeros that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def with_zeros(size: int) -> TransactionalEmail:
    attachment = Attachment("a.bin", bytes(size))
    return TransactionalEmail(transactional_id="tx1", email=ADA, attachments=[attachment])


FULL = (4_000_000 - len(encode(with_zeros(0)))) // 4 * 3
"""The most bytes that fit into a mail beside all else."""


def test_the_bound_is_on_the_bytes_of_json() -> None:
    assert 4_000_000 - 4 < len(encode(with_zeros(FULL))) <= 4_000_000


async def test_a_mail_that_just_fits_is_sent(sandbox: Sandbox, loops: LoopsClient) -> None:
    await mail(loops, Attachment("a.bin", bytes(FULL)))
    assert sandbox.sent_emails[0].attachments[0].data == bytes(FULL)


@pytest.mark.parametrize("make", [
    lambda _: {"attachments": [Attachment("a.bin", bytes(FULL + 4))]},
    lambda _: {"attachments": [Attachment("a.bin", bytes(FULL // 2)) for _ in range(3)]},
    lambda at: {"attachments": [Attachment("a.bin", sparse(at / "a", 3_000_001))]},
    lambda at: {"attachments": [Attachment("a.bin", sparse(at / "a", 2**40))]},
    lambda _: {"data_variables": {"text": "\0" * 700_000}},
])  # fmt: skip
async def test_a_mail_of_more_is_refused_before_anything_is_read_or_sent(
    make: Callable[[Path], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    loops: LoopsClient,
    tmp_path: Path,
) -> None:
    fields = make(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the file was opened"))
    with pytest.raises(InvalidInput, match="Loops accepts 4000000") as caught:
        await loops.transactional.send("tx1", ADA, **fields)
    assert [caught.value.field] == list(fields)
    assert str(caught.value).startswith(f"{caught.value.field}: ")
    assert sandbox.requests == ()


def gone(at: Path) -> Path:
    return at / "s3cret.pdf"


def loop_of_links(at: Path) -> Path:
    gone(at).symlink_to(gone(at))
    return gone(at)


def pipe(at: Path) -> Path:
    os.mkfifo(gone(at))
    return gone(at)


def forbidden(at: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = sparse(gone(at), 1)
    path.chmod(0)
    return path


@pytest.mark.parametrize(("make", "says"), [
    (gone, "No such file or directory"),
    (forbidden, "Permission denied"),
    (loop_of_links, "symbolic links"),
    (lambda at: sparse(at / "file", 1) / "s3cret.pdf", "Not a directory"),
    (lambda at: at / ("s3cret" * 50), "File name too long"),
    (lambda at: at / "s3cret\0", "ValueError"),
    (lambda at: at, "a directory or a device, not a file"),
    (pipe, "a directory or a device, not a file"),
    (lambda _: Path(os.devnull), "a directory or a device, not a file"),
])  # fmt: skip
async def test_what_cannot_be_read_is_refused_with_the_reason_and_without_its_name(
    make: Callable[[Path], Path],
    says: str,
    sandbox: Sandbox,
    loops: LoopsClient,
    tmp_path: Path,
) -> None:
    attachments = [Attachment("a.txt", b""), Attachment("s3cret.pdf", make(tmp_path))]
    async with asyncio.timeout(5):
        with pytest.raises(InvalidInput, match=says) as caught:
            await mail(loops, *attachments)
    assert str(caught.value).startswith("attachments[1]: ")
    assert caught.value.field == "attachments"
    assert caught.value.__context__ is None
    assert "s3cret" not in f"{caught.value}{vars(caught.value)}"
    assert sandbox.requests == ()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file of Linux")
async def test_a_file_that_breaks_while_it_is_read_is_refused(
    sandbox: Sandbox, loops: LoopsClient
) -> None:
    with pytest.raises(InvalidInput, match=r"attachments\[0\]: its file cannot be read: Input/out"):
        await mail(loops, Attachment.from_path("/proc/self/mem"))
    assert sandbox.requests == ()


async def test_a_file_that_grows_is_read_no_further_than_a_mail_may_go(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, loops: LoopsClient, tmp_path: Path
) -> None:
    path = sparse(tmp_path / "growing.log", 0)
    look = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = look(self, follow_symlinks=follow_symlinks)
        sparse(path, 2**40)
        return found

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(InvalidInput, match="Loops accepts 4000000"):
        await mail(loops, Attachment("a.log", path))
    assert sandbox.requests == ()


@pytest.mark.parametrize("size", [1, 64 * 1024 + 1], ids=["a file", "much in memory"])
async def test_the_loop_goes_on_while_a_file_or_much_is_encoded(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    loops: LoopsClient,
    tmp_path: Path,
    size: int,
) -> None:
    loop, went_on = asyncio.get_running_loop(), threading.Event()

    def slow(data: bytes) -> bytes:
        # Ends when the loop gets its turn; on the loop's own thread it never would.
        loop.call_soon_threadsafe(went_on.set)
        assert went_on.wait(5), "the loop is held"
        return b64encode(data)

    monkeypatch.setattr("loops_async.codec.encoding.b64encode", slow)
    data = sparse(tmp_path / "a", size) if size == 1 else bytes(size)
    await mail(loops, Attachment("a.bin", data))
    assert sandbox.sent_emails[0].attachments[0].data == bytes(size)


async def test_a_file_is_read_when_a_mail_is_sent_and_not_before(
    sandbox: Sandbox, loops: LoopsClient, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    attachment = Attachment.from_path(path)
    for text in (b"one", b"two"):
        path.write_bytes(text)
        await mail(loops, attachment)
    assert [sent.attachments[0].data for sent in sandbox.sent_emails] == [b"one", b"two"]
