"""Hostile HTTP/2 clients and upstreams (RFC 9113, RFC 7541): floods, resets, broken frames and headers.

A connection error is seen as GOAWAY with a code and a close, a stream error as RST_STREAM while the connection goes on; afterwards
the fixture `survives` asks for a good answer and looks at the memory."""
import struct
import time

import hpack
import pytest

from conftest import connect

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PROTOCOL, FLOW, SIZE, COMPRESSION, CLOSED, CALM = 1, 3, 6, 9, 5, 11
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/x"), (b":authority", b"x")]
POST = [(b":method", b"POST"), *GET[1:]]


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def plain(headers):
    """A header block of literals that use no table."""
    def string(b):
        return (bytes([len(b)]) if len(b) < 127 else integer(len(b), 7)) + b
    return b"".join(b"\0" + string(n) + string(v) for n, v in headers)


def integer(n, bits, first=0):
    most = (1 << bits) - 1
    if n < most:
        return bytes([first | n])
    out, n = [first | most], n - most
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def headers(stream, fields=GET, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, plain(fields))


class Client:
    def __init__(self, port, settings=b""):
        self.s = connect(port)
        self.buffer, self.decoder = b"", hpack.Decoder()
        self.send(MAGIC + frame(SETTINGS, payload=settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        """True while the proxy takes it."""
        try:
            self.s.sendall(data)
            return True
        except OSError:
            return False

    def frame(self, seconds):
        """(kind, flags, stream, payload), "closed", or None when nothing came."""
        end = time.monotonic() + seconds
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            self.s.settimeout(max(end - time.monotonic(), 0.001))
            try:
                more = self.s.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                return "closed"
            if not more:
                return "closed"
            self.buffer += more
        n = int.from_bytes(self.buffer[:3], "big")
        f = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big"), self.buffer[9:9 + n]
        self.buffer = self.buffer[9 + n:]
        if f[0] in (HEADERS,):
            f = *f[:3], self.decoder.decode(f[3])
        return f

    def until(self, want, seconds=4):
        """Frames until one for which want is true, or the end."""
        got = []
        while True:
            f = self.frame(seconds)
            got.append(f)
            if f in (None, "closed") or want(f):
                return got

    def goaway(self, seconds=4):
        """The code of the GOAWAY that must come, and the close after it."""
        got = self.until(lambda f: f[0] == GOAWAY, seconds)
        codes = [struct.unpack(">II", f[3][:8])[1] for f in got if f and f != "closed" and f[0] == GOAWAY]
        if codes:
            assert self.until(lambda f: False, seconds)[-1] == "closed", "GOAWAY without a close"
            return codes[-1]
        return "closed" if got[-1] == "closed" else got[-3:]

    def reset(self, stream, seconds=4):
        """The code of the RST_STREAM for this stream, or its status."""
        got = self.until(lambda f: f[0] in (RST, HEADERS) and f[2] == stream or f[0] == GOAWAY, seconds)
        f = got[-1]
        assert f and f != "closed", got
        if f[0] == RST:
            return struct.unpack(">I", f[3])[0]
        assert f[0] == HEADERS, got
        assert ":status" in dict(f[3]), got
        return int(dict(f[3])[":status"])

    def works(self, stream):
        """A good request on the same connection."""
        self.send(headers(stream))
        assert self.reset(stream) == 200


@pytest.fixture
def client(world):
    with Client(world.h2only) as c:
        yield c


# ---- connection errors: bytes after the preface and the codes that may be answered
BAD_TABLE = b"\x3f\xe1\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
CONNECTION = {
    "even stream id": (headers(2), {PROTOCOL}),
    "stream id falls": (headers(5) + headers(3), {PROTOCOL, CLOSED}),
    "HEADERS on stream 0": (headers(0), {PROTOCOL}),
    "DATA on stream 0": (frame(DATA, 0, 0, b"x"), {PROTOCOL}),
    "DATA on an idle stream": (frame(DATA, 0, 1, b"x"), {PROTOCOL, CLOSED}),
    "RST of an idle stream": (frame(RST, 0, 1, b"\0\0\0\x08"), {PROTOCOL}),
    "RST on stream 0": (frame(RST, 0, 0, b"\0\0\0\x08"), {PROTOCOL}),
    "WINDOW_UPDATE of an idle stream": (frame(WINDOW, 0, 1, b"\0\0\0\1"), {PROTOCOL}),
    "WINDOW_UPDATE of 0 for the connection": (frame(WINDOW, 0, 0, bytes(4)), {PROTOCOL}),
    "connection window overflows": (frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"), {FLOW}),
    "WINDOW_UPDATE of 3 bytes": (frame(WINDOW, 0, 0, bytes(3)), {SIZE}),
    "oversize DATA": (frame(HEADERS, END_HEADERS, 1, plain(POST)) + frame(DATA, 0, 1, bytes(16385)), {SIZE}),
    "oversize HEADERS": (frame(HEADERS, END_HEADERS, 1, bytes(20000)), {SIZE}),
    "PING of 7 bytes": (frame(PING, 0, 0, bytes(7)), {SIZE}),
    "PING on a stream": (frame(PING, 0, 1, bytes(8)), {PROTOCOL}),
    "SETTINGS of 5 bytes": (frame(SETTINGS, 0, 0, bytes(5)), {SIZE}),
    "SETTINGS on a stream": (frame(SETTINGS, 0, 1), {PROTOCOL}),
    "SETTINGS ack with bytes": (frame(SETTINGS, ACK, 0, bytes(6)), {SIZE}),
    "SETTINGS: push 2": (frame(SETTINGS, 0, 0, b"\0\2\0\0\0\2"), {PROTOCOL}),
    "SETTINGS: window over 2^31": (frame(SETTINGS, 0, 0, b"\0\4\x80\0\0\0"), {FLOW}),
    "SETTINGS: frame size 1": (frame(SETTINGS, 0, 0, b"\0\5\0\0\0\1"), {PROTOCOL}),
    "SETTINGS: 1000 entries": (frame(SETTINGS, 0, 0, b"\0\x0f\0\0\0\1" * 1000), {CALM, PROTOCOL}),
    "PUSH_PROMISE from a client": (frame(PUSH, END_HEADERS, 1, b"\0\0\0\2"), {PROTOCOL}),
    "CONTINUATION alone": (frame(CONTINUATION, END_HEADERS, 1, b""), {PROTOCOL}),
    "PING inside a header block": (frame(HEADERS, 0, 1, plain(GET)) + frame(PING, 0, 0, bytes(8)), {PROTOCOL}),
    "CONTINUATION of another stream": (frame(HEADERS, 0, 1, plain(GET)) + frame(CONTINUATION, END_HEADERS, 3, b""), {PROTOCOL}),
    "padding longer than the frame": (frame(HEADERS, PADDED | END_HEADERS, 1, b"\xff" + plain(GET)[:20]), {PROTOCOL}),
    "CONTINUATION flood": (frame(HEADERS, END_STREAM, 1, plain(GET)) + frame(CONTINUATION, 0, 1, b"\0\1a\1b") * 5000, {CALM, PROTOCOL}),
    "empty CONTINUATION flood": (frame(HEADERS, END_STREAM, 1, plain(GET)) + frame(CONTINUATION, 0, 1) * 5000, {CALM, PROTOCOL}),
    "header block of 1 MB": (frame(HEADERS, END_STREAM, 1, bytes(16384)) + frame(CONTINUATION, 0, 1, bytes(16384)) * 64, {CALM, PROTOCOL, COMPRESSION}),
    "HPACK: index out of the table": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\xff\x7f"), {COMPRESSION}),
    "HPACK: index 0": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x80"), {COMPRESSION}),
    "HPACK: endless integer": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff" + b"\xff" * 100 + b"\x01"), {COMPRESSION}),
    "HPACK: table grows over the setting": (frame(HEADERS, END_STREAM | END_HEADERS, 1, BAD_TABLE + plain(GET)), {COMPRESSION}),
    "HPACK: table size in the middle": (frame(HEADERS, END_STREAM | END_HEADERS, 1, plain(GET) + b"\x20"), {COMPRESSION}),
    "HPACK: string longer than the block": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\0\x7f\xff\xff\x03a"), {COMPRESSION}),
    "HPACK: bad Huffman": (frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\0\x84\xff\xff\xff\xff\1a"), {COMPRESSION}),
    "no HTTP/2 at all": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10, {PROTOCOL, SIZE}),
    "PRIORITY flood": (headers(1) + frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 5000, {CALM}),
    "WINDOW_UPDATE flood": (frame(WINDOW, 0, 0, b"\0\0\0\1") * 5000, {CALM}),
    "empty DATA flood": (headers(1, POST, END_HEADERS) + frame(DATA, 0, 1) * 5000, {CALM}),
    "padded empty DATA flood": (headers(1, POST, END_HEADERS) + frame(DATA, PADDED, 1, b"\0") * 5000, {CALM}),
    "unknown frame flood": (frame(0x7f, 0, 0, b"x") * 50000, {CALM}),
}


@pytest.mark.parametrize("name", CONNECTION)
def test_connection_error(client, name):
    raw, codes = CONNECTION[name]
    client.send(raw)
    assert client.goaway() in {*codes, "closed"} if len(raw) > 60000 else client.goaway() in codes


def test_first_frame_is_no_settings(world):
    with connect(world.h2only) as s:
        s.sendall(MAGIC + frame(PING, 0, 0, bytes(8)))
        s.settimeout(3)
        got = b""
        while more := s.recv(4096):
            got += more
    assert b"\7\0\0\0\0\0" in got  # a GOAWAY frame


# ---- malformed requests: RST_STREAM PROTOCOL_ERROR (or 400), and the connection works on
def with_(*more, base=GET):
    return [*base, *more]


MALFORMED = {
    "upper-case name": with_((b"Abc", b"v")),
    "empty name": with_((b"", b"v")),
    "space in a name": with_((b"a b", b"v")),
    "colon in a name": with_((b"a:b", b"v")),
    "CR LF in a value": with_((b"a", b"b\r\nc: d")),
    "NUL in a value": with_((b"a", b"b\0c")),
    "leading space": with_((b"a", b" v")),
    "trailing space": with_((b"a", b"v ")),
    "connection": with_((b"connection", b"close")),
    "keep-alive": with_((b"keep-alive", b"x")),
    "proxy-connection": with_((b"proxy-connection", b"x")),
    "transfer-encoding": with_((b"transfer-encoding", b"chunked")),
    "upgrade": with_((b"upgrade", b"h2c")),
    "te: gzip": with_((b"te", b"gzip")),
    "no :method": GET[1:],
    "no :scheme": [GET[0], *GET[2:]],
    "no :path": [*GET[:2], GET[3]],
    "empty :path": [*GET[:2], (b":path", b""), GET[3]],
    ":path without /": [*GET[:2], (b":path", b"x"), GET[3]],
    "space in :path": [*GET[:2], (b":path", b"/x y HTTP/1.1"), GET[3]],
    "CR LF in :path": [*GET[:2], (b":path", b"/x HTTP/1.1\r\nHost: y"), GET[3]],
    "space in :method": [(b":method", b"GET /smuggled HTTP/1.1"), *GET[1:]],
    "two :path": with_((b":path", b"/y")),
    ":status in a request": with_((b":status", b"200")),
    "unknown pseudo-header": with_((b":x", b"y")),
    "pseudo-header after a regular one": [*GET[:3], (b"a", b"b"), GET[3]],
    ":protocol without the setting": [(b":method", b"CONNECT"), *GET[1:], (b":protocol", b"websocket")],
    "two different content-lengths": with_((b"content-length", b"1"), (b"content-length", b"2")),
    "content-length without a body": with_((b"content-length", b"5")),
    "signed content-length": with_((b"content-length", b"+0")),
    "200 headers": with_(*((b"a", b"b") for _ in range(200))),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request(world, client, name):
    client.send(headers(1, MALFORMED[name]))
    got = client.reset(1)
    assert got in (PROTOCOL, CALM, 400, 431), got
    assert "/x" not in world.upstream.paths()
    client.works(3)


STREAM = {
    "WINDOW_UPDATE of 0": (headers(1, POST, END_HEADERS) + frame(WINDOW, 0, 1, bytes(4)), {PROTOCOL}),
    "stream window overflows": (headers(1, POST, END_HEADERS) + frame(WINDOW, 0, 1, b"\x7f\xff\xff\xff"), {FLOW}),
    "more DATA than content-length": (headers(1, with_((b"content-length", b"3"), base=POST), END_HEADERS) + frame(DATA, 0, 1, b"hello"), {PROTOCOL}),
    "less DATA than content-length": (headers(1, with_((b"content-length", b"9"), base=POST), END_HEADERS) + frame(DATA, END_STREAM, 1, b"hello"), {PROTOCOL}),
    "trailers without END_STREAM": (headers(1, POST, END_HEADERS) + frame(HEADERS, END_HEADERS, 1, plain([(b"a", b"b")])), {PROTOCOL}),
    "trailers with a pseudo-header": (headers(1, POST, END_HEADERS) + headers(1, [(b":path", b"/y")]), {PROTOCOL}),
    "priority on itself": (frame(HEADERS, END_HEADERS | 0x20, 1, b"\0\0\0\1\x10" + plain(POST)), {PROTOCOL}),
}


@pytest.mark.parametrize("name", STREAM)
def test_stream_error(client, name):
    raw, codes = STREAM[name]
    client.send(raw)
    assert client.reset(1) in codes
    client.works(3)


def test_rapid_reset(world, client):
    """CVE-2023-44487: far fewer requests than were opened reach the upstream, and the connection ends."""
    for first in range(1, 20001, 200):
        if not client.send(b"".join(headers(i) + frame(RST, 0, i, b"\0\0\0\x08") for i in range(first, first + 200, 2))):
            break
    assert client.goaway() in (CALM, "closed")
    assert len(world.upstream.seen) < 3000, len(world.upstream.seen)


MADE = {
    "WINDOW_UPDATE of 0": lambda i: frame(WINDOW, 0, i, bytes(4)),
    "window overflow": lambda i: frame(WINDOW, 0, i, b"\x7f\xff\xff\xff"),
    "PRIORITY of a wrong length": lambda i: frame(PRIORITY, 0, i, bytes(4)),
    "too much DATA": lambda i: frame(DATA, 0, i, b"hello"),
}


@pytest.mark.parametrize("name", MADE)
def test_made_you_reset(client, name):
    """CVE-2025-8671: the proxy's own resets count like the peer's."""
    fields = with_((b"content-length", b"1"), base=POST)
    for first in range(1, 20001, 200):
        if not client.send(b"".join(headers(i, fields, END_HEADERS) + MADE[name](i) for i in range(first, first + 200, 2))):
            break
    assert client.goaway() in (CALM, PROTOCOL, SIZE, "closed")


def test_malformed_flood(client):
    for first in range(1, 20001, 200):
        if not client.send(b"".join(headers(i, with_((b"A", b"b"))) for i in range(first, first + 200, 2))):
            break
    assert client.goaway() in (CALM, "closed")


def test_data_after_end_flood(client):
    client.send(headers(1))
    client.send(frame(DATA, 0, 1, b"x") * 20000)
    assert client.goaway() in (CALM, CLOSED, "closed")


@pytest.mark.parametrize("kind", [PING, SETTINGS])
def test_acks_are_not_queued(world, client, kind):
    """The client floods and never reads: acknowledgements that wait are counted, then the connection ends."""
    one = frame(kind, 0, 0, bytes(8) if kind == PING else b"")
    client.s.settimeout(5)
    end = time.monotonic() + 8
    with pytest.raises(OSError):  # not the timeout: the connection is gone
        while time.monotonic() < end:
            client.s.sendall(one * 5000)
    assert time.monotonic() < end


def test_hpack_bomb(client):
    """One long field in the table, then thousands of references to it: 16 KB that would be 60 MB."""
    bomb = plain(GET) + b"\x40" + b"\1a" + integer(4000, 7) + b"v" * 4000 + b"\xbe" * 12000
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb[:16384]))
    got = client.until(lambda f: f[0] in (RST, GOAWAY, HEADERS))[-1]
    assert got and got != "closed"
    assert got[0] in (RST, GOAWAY) or int(dict(got[3])[":status"]) in (400, 431)


def test_cookie_crumbs_count(client):
    client.send(headers(1, with_(*((b"cookie", b"a=" + b"b" * 100) for _ in range(120)))))
    assert client.reset(1) in (PROTOCOL, CALM, 400, 431)
    client.works(3)


def test_more_streams_than_allowed(world, client):
    """Streams above the limit are refused, each by itself."""
    world.upstream.answers["/wait"] = lambda s: s.recv(1)
    wait = [*GET[:2], (b":path", b"/wait"), GET[3]]
    client.send(b"".join(headers(i, wait) for i in range(1, 2600, 2)))
    got = client.until(lambda f: f[0] == RST, 4)[-1]
    assert got and got != "closed" and struct.unpack(">I", got[3])[0] == 7, got


@pytest.mark.parametrize("window", [0, 1])
def test_tiny_windows(world, window):
    """Answers to a client that gives no window stay with the upstream; the stream idle time ends them."""
    world.upstream.answers["/large"] = lambda s: s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 50000000)
    large = [*GET[:2], (b":path", b"/large"), GET[3]]
    with Client(world.quick, b"\0\4" + struct.pack(">I", window)) as c:
        c.send(b"".join(headers(i, large) for i in range(1, 40, 2)))
        ends, end = set(), time.monotonic() + 6
        while len(ends) < 20 and time.monotonic() < end:
            f = c.frame(1)
            if f == "closed":
                break
            if f and f[0] == RST:
                ends.add(f[2])
        assert f == "closed" or len(ends) == 20, ends


def test_dribbled_data(world, client):
    client.send(headers(1, with_((b"content-length", b"3000"), base=POST), END_HEADERS))
    client.send(frame(DATA, 0, 1, b"x") * 2999 + frame(DATA, END_STREAM, 1, b"x"))
    assert client.reset(1) == 200
    client.works(3)


def test_unfinished_head_does_not_stay(world):
    """HEADERS without END_HEADERS and then nothing: the connection's idle time ends it."""
    with Client(world.quick) as c:
        c.send(frame(HEADERS, END_STREAM, 1, plain(GET)))
        got = c.until(lambda f: False, 4)
        assert got[-1] == "closed"


# ---- upstreams
def settings_and(reply):
    """An HTTP/2 upstream that says SETTINGS, reads a request and then what is given."""
    def behave(s):
        s.sendall(frame(SETTINGS))
        s.settimeout(2)
        got = b""
        while len(got) < 80:
            more = s.recv(65536)
            if not more:
                return
            got += more
        if callable(reply):
            reply(s)
        else:
            s.sendall(reply)
        s.settimeout(0.2)  # then it leaves, so that each test gets a connection of its own
        while s.recv(65536):
            pass
    return behave


OK = frame(HEADERS, END_HEADERS, 1, b"\x88") + frame(DATA, END_STREAM, 1, b"fine")
GATEWAY = {502, 503, 504}
UPSTREAM = {
    "good": (frame(SETTINGS, ACK) + OK, {200}),
    "RST at once": (frame(RST, 0, 1, b"\0\0\0\1"), GATEWAY),
    "GOAWAY at once": (frame(GOAWAY, 0, 0, bytes(8)), GATEWAY),
    "GOAWAY loop": (frame(GOAWAY, 0, 0, b"\x7f\xff\xff\xff\0\0\0\0") * 1000 + OK, {200} | GATEWAY),
    "even stream": (frame(HEADERS, END_HEADERS, 2, b"\x88"), GATEWAY),
    "stream never opened": (frame(HEADERS, END_HEADERS, 9, b"\x88"), GATEWAY),
    "PUSH_PROMISE": (frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" + plain(GET)), GATEWAY),
    "no :status": (frame(HEADERS, END_HEADERS | END_STREAM, 1, plain([(b"a", b"b")])), GATEWAY),
    "request pseudo-headers": (frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(GET)), GATEWAY),
    "connection header": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88" + plain([(b"connection", b"close")])), GATEWAY),
    "CR LF in a value": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88" + plain([(b"a", b"b\r\nc: d")])), GATEWAY),
    "101": (frame(HEADERS, END_HEADERS, 1, plain([(b":status", b"101")])), GATEWAY),
    "1xx flood": (frame(HEADERS, END_HEADERS, 1, plain([(b":status", b"103")])) * 20000 + OK, {200} | GATEWAY),
    "header block of 1 MB": (frame(HEADERS, 0, 1, b"\x88" + plain([(b"a", b"b" * 16000)])) + frame(CONTINUATION, 0, 1, plain([(b"a", b"b" * 16000)])) * 64, GATEWAY),
    "CONTINUATION flood": (frame(HEADERS, 0, 1, b"\x88") + frame(CONTINUATION, 0, 1) * 20000, GATEWAY),
    "DATA before HEADERS": (frame(DATA, END_STREAM, 1, b"x"), GATEWAY),
    "PING flood": (frame(PING, 0, 0, bytes(8)) * 20000 + OK, {200} | GATEWAY),
    "SETTINGS flood": (frame(SETTINGS) * 20000 + OK, {200} | GATEWAY),
    "no streams allowed": (frame(SETTINGS, 0, 0, b"\0\3\0\0\0\0") + OK, {200} | GATEWAY),
    "garbage": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" * 10, GATEWAY),
    "oversize frame": (frame(HEADERS, END_HEADERS, 1, b"\x88") + frame(DATA, 0, 1, bytes(70000)), {200} | GATEWAY),
    "silence": (b"", GATEWAY),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_hostile_upstream(world, client, name):
    raw, statuses = UPSTREAM[name]
    end = time.monotonic() + 3
    while world.h2up.active and time.monotonic() < end:
        time.sleep(0.02)
    world.h2up.behave = settings_and(raw)
    client.send(headers(1, [*GET[:2], (b":path", b"/h2up/x"), GET[3]]))
    assert client.reset(1, 6) in statuses
    client.works(3)


def test_upstream_refuses_each_stream(world, client):
    """RST storm: each attempt ends at once, retries are bounded."""
    def storm(s):
        s.sendall(frame(SETTINGS))
        n = 1
        s.settimeout(1)
        while s.recv(65536):
            s.sendall(frame(RST, 0, n, b"\0\0\0\7"))
            n += 2
    world.h2up.behave = storm
    before = world.h2up.connections
    for i in range(1, 100, 2):
        client.send(headers(i, [*GET[:2], (b":path", b"/h2up/x"), GET[3]]))
    for i in range(1, 100, 2):
        f = client.until(lambda f: f[0] == HEADERS)[-1]
        assert int(dict(f[3])[":status"]) in GATEWAY
    assert world.h2up.connections - before < 300
