import socket

from loops_async.transport.session import socket_to


def test_not_too_much_is_read_from_a_socket_at_once() -> None:
    """Where a loop asks for more, memory is mapped and given back for every reply."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as server, socket_to(address) as ours:
        ours.connect(server.getsockname())
        theirs, _ = server.accept()
        with theirs:
            theirs.sendall(b"a" * 150_000)
        pieces = iter(lambda: ours.recv(256 * 1024), b"")
        assert max(sizes := [len(piece) for piece in pieces]) <= 64 * 1024
        assert sum(sizes) == 150_000
        assert ours.recv(10, socket.MSG_DONTWAIT) == b""
