"""Hostile bytes on a TLS port: garbage, slow and oversized ClientHellos, peers that leave. The listener gives 1 s."""
import os
import random
import socket
import ssl
import struct
import time

import pytest

from conftest import connect, read_all


def tls(port, name="x"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(connect(port), server_hostname=name)


def hello(name="x"):
    """A real ClientHello, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def ask(port):
    with tls(port) as s:
        s.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return read_all(s, 3)[0]


@pytest.fixture(autouse=True)
def serves_tls(world):
    yield
    assert ask(world.tls).startswith(b"HTTP/1.1 200")


GARBAGE = {
    "zeros": bytes(5000),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "random": random.Random(1).randbytes(5000),
    "record of another version": b"\x16\x09\x09\x00\x10" + bytes(16),
    "empty record": b"\x16\x03\x01\x00\x00" * 100,
    "length lies": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(20000),
    "hello of 64 KiB": b"".join(b"\x16\x03\x01\x40\x00" + (b"\x01\x01\x00\x00\x03\x03" if i == 0 else bytes(6)) + bytes(16378) for i in range(4)),
    "application data first": b"\x17\x03\x03\x00\x10" + bytes(16),
    "alert first": b"\x15\x03\x03\x00\x02\x02\x28",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_closed(world, name):
    with connect(world.tls) as s:
        began = time.monotonic()
        try:
            s.sendall(GARBAGE[name])
        except OSError:
            pass
        text, closed = read_all(s, 3)
    assert closed and b"HTTP" not in text and time.monotonic() - began < 2.5


def test_slow_hello_is_closed(world):
    with connect(world.tls) as s:
        began = time.monotonic()
        try:
            for b in hello():
                s.sendall(bytes([b]))
                time.sleep(0.02)
        except OSError:
            pass
        assert read_all(s, 2)[1] and time.monotonic() - began < 3.5


def test_hello_and_then_silence(world):
    with connect(world.tls) as s:
        s.sendall(hello())
        began = time.monotonic()
        assert read_all(s, 3)[1] and time.monotonic() - began < 2.5


def test_name_of_nobody(world):
    with pytest.raises((ssl.SSLError, OSError)):
        tls(world.tls, "nobody")


def test_cut_handshakes(world):
    """Many clients that leave in the middle, by FIN and by RST, at every length."""
    whole = hello()
    for i in range(0, len(whole), 5):
        s = connect(world.tls)
        s.sendall(whole[:i])
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


def test_flipped_bytes(world):
    """A hello with broken bytes: an alert or a close, or an answer when the byte did not matter."""
    whole, rng = hello(), random.Random(int(os.environ.get("SEED", "7")))
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(3):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        with connect(world.tls) as s:
            s.sendall(broken)
            s.shutdown(socket.SHUT_WR)
            assert read_all(s, 3)[1]


def test_garbage_after_the_handshake(world):
    s = tls(world.tls)
    raw = socket.socket(fileno=os.dup(s.fileno()))
    raw.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
    assert read_all(raw, 3)[1]
    raw.close()
    s.close()
