"""Hostile HTTP/1.1 clients and upstreams: framing that could smuggle, floods, slowness (RFC 9110, RFC 9112).

Each case says what the proxy must answer; afterwards the connection must be closed, the upstream must not have seen the request
that is hidden behind, and the proxy must go on (the fixture `survives`)."""
import pathlib
import socket
import struct
import threading
import time

import pytest

import peers

from conftest import SMUGGLED, connect, http1, read_all

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


def post(headers, body=b""):
    return HEAD + headers + b"\r\n\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked", body)


def get(line=b"GET /x HTTP/1.1", headers=b"Host: x"):
    return line + b"\r\n" + headers + b"\r\n\r\n"


BAD = {400}
REFUSED = {
    # double or wrong framing
    "length and chunked": (post(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), BAD),
    "chunked and length": (post(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"), BAD),
    "two lengths": (post(b"Content-Length: 5\r\nContent-Length: 6", b"hello"), BAD),
    "the same length twice": (post(b"Content-Length: 5\r\nContent-Length: 5", b"hello"), BAD),
    "list of lengths": (post(b"Content-Length: 5, 5", b"hello"), BAD),
    "signed length": (post(b"Content-Length: +5", b"hello"), BAD),
    "negative length": (post(b"Content-Length: -1", b"hello"), BAD),
    "spaced length": (post(b"Content-Length: 5 5", b"hello"), BAD),
    "empty length": (post(b"Content-Length:", b"hello"), BAD),
    "hex length": (post(b"Content-Length: 0x5", b"hello"), BAD),
    "length over 2^63": (post(b"Content-Length: 9223372036854775808", b"hello"), BAD),
    "length over 2^64": (post(b"Content-Length: 18446744073709551621", b"hello"), BAD),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"), {400, 501}),
    "chunked twice": (post(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"), {400, 501}),
    "xchunked": (post(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"), {400, 501}),
    "chunked;x": (post(b"Transfer-Encoding: chunked;x", b"0\r\n\r\n"), {400, 501}),
    "two transfer-encodings": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"0\r\n\r\n"), {400, 501}),
    "vertical tab before chunked": (post(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"), {400, 501}),
    "empty transfer-encoding": (post(b"Transfer-Encoding:", b"0\r\n\r\n"), {400, 501}),
    "chunked on HTTP/1.0": (b"POST /x HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400, 426}),
    # lines
    "bare CR": (get(headers=b"Host: x\r\nA: b\rc: d"), BAD),
    "bare LF": (b"GET /x HTTP/1.1\nHost: x\n\n", BAD),
    "one bare LF": (b"GET /x HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", BAD),
    "obs-fold": (get(headers=b"Host: x\r\nA: b\r\n c"), BAD),
    "space before colon": (get(headers=b"Host: x\r\nContent-Length : 5"), BAD),
    "tab before colon": (get(headers=b"Host: x\r\nTransfer-Encoding\t: chunked"), BAD),
    "space before the first header": (get(headers=b" Host: x"), BAD),
    "no colon": (get(headers=b"Host: x\r\njunk"), BAD),
    "empty name": (get(headers=b"Host: x\r\n: v"), BAD),
    "NUL in a value": (get(headers=b"Host: x\r\nA: b\0c"), BAD),
    "control in a value": (get(headers=b"Host: x\r\nA: b\x01c"), BAD),
    "DEL in a value": (get(headers=b"Host: x\r\nA: b\x7fc"), BAD),
    "quote in a name": (get(headers=b"Host: x\r\nA\": b"), BAD),
    "NUL in a name": (get(headers=b"Host: x\r\nA\0: b"), BAD),
    "high byte in a name": (get(headers=b"Host: x\r\n\xe9: b"), BAD),
    # Host
    "no Host": (b"GET /x HTTP/1.1\r\n\r\n", BAD),
    "two Hosts": (get(headers=b"Host: x\r\nHost: y"), BAD),
    "Host with space": (get(headers=b"Host: x y"), BAD),
    "Host with userinfo": (get(b"GET http://u@x/ HTTP/1.1"), BAD),
    "list of Hosts": (get(headers=b"Host: x, y"), BAD),
    # request line
    "two spaces": (get(b"GET  /x HTTP/1.1"), BAD),
    "space at the end": (get(b"GET /x HTTP/1.1 "), {400, 426, 505}),
    "tab": (get(b"GET\t/x\tHTTP/1.1"), BAD),
    "space in the target": (get(b"GET /x y HTTP/1.1"), {400, 426, 505}),
    "no version": (get(b"GET /x"), {400, 426, 505}),
    "HTTP/2.0": (get(b"GET /x HTTP/2.0"), {400, 426, 505}),
    "HTTP/1.2": (get(b"GET /x HTTP/1.2"), {400, 426, 505}),
    "http/1.1": (get(b"GET /x http/1.1"), {400, 426, 505}),
    "relative target": (get(b"GET x HTTP/1.1"), BAD),
    "lower-case method": (get(b"get /x HTTP/1.1"), BAD),
    "huge method": (get(b"G" * 100000 + b" /x HTTP/1.1"), {400, 414, 431}),
    # sizes
    "URL of 100 KB": (get(b"GET /" + b"a" * 100000 + b" HTTP/1.1"), {414, 431}),
    "header of 100 KB": (get(headers=b"Host: x\r\nA: " + b"a" * 100000), {431}),
    "10000 headers": (get(headers=b"Host: x\r\n" + b"\r\n".join(b"a%d: b" % i for i in range(10000))), {431}),
    "200 headers": (get(headers=b"Host: x\r\n" + b"\r\n".join(b"a: b" for i in range(200))), {431}),
    # chunks
    "chunk size overflows": (chunked(b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), BAD),
    "chunk size 2^64-1": (chunked(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), BAD),
    "negative chunk": (chunked(b"-5\r\nhello\r\n0\r\n\r\n"), BAD),
    "signed chunk": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), BAD),
    "0x chunk": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), BAD),
    "spaced chunk": (chunked(b" 5\r\nhello\r\n0\r\n\r\n"), BAD),
    "underscore in chunk": (chunked(b"5_0\r\nhello\r\n0\r\n\r\n"), BAD),
    "empty chunk size": (chunked(b"\r\nhello\r\n0\r\n\r\n"), BAD),
    "chunk line with bare LF": (chunked(b"5\nhello\r\n0\r\n\r\n"), BAD),
    "extension with bare LF": (chunked(b"5;a\nhello\r\n0\r\n\r\n"), BAD),
    "extension with CR": (chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), BAD),
    "extensions of 10 KB": (chunked(b"5;" + b"a" * 10000 + b"\r\nhello\r\n0\r\n\r\n"), BAD),
    "many extensions": (chunked(b"".join(b"1;" + b"a" * 100 + b"\r\nx\r\n" for _ in range(100)) + b"0\r\n\r\n"), BAD),
    "no CRLF after chunk": (chunked(b"5\r\nhelloX0\r\n\r\n"), BAD),
    "junk after the last chunk": (chunked(b"0\r\njunk\r\n\r\n"), BAD),
    "100 KB of trailers": (chunked(b"0\r\nA: " + b"a" * 100000 + b"\r\n\r\n"), {400, 431}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(world, name):
    raw, expected = REFUSED[name]
    r = http1(world.plain, raw + SMUGGLED)
    assert r.closed and len(r.statuses) == 1 and r.statuses[0] in expected, r
    assert [p for p in world.upstream.paths() if p not in ("/x", "/good")] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_body_of_a_method_without_meaning_for_it_is_framed(world, method):
    r = http1(world.plain, f"{method} /x HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n".encode() + SMUGGLED +
              b"GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert r.statuses == [200, 200] and r.closed, r
    assert world.upstream.paths()[:2] == ["/x", "/second"]


@pytest.mark.parametrize("trailer", [b"Content-Length: 50", b"Transfer-Encoding: chunked", b"Host: evil"])
def test_forbidden_trailers_do_not_arrive(world, trailer):
    r = http1(world.plain, chunked(b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n"), 1)
    assert r.statuses in ([200], [400]), r


def test_absolute_form_beats_host(world):
    r = http1(world.plain, b"GET http://real/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")
    assert r.statuses == [200]
    head = world.upstream.seen[0].lower()
    assert b"\r\nhost: real" in head and b"other" not in head, head


def test_h2c_upgrade_is_stripped(world):
    r = http1(world.plain, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    assert r.closed and r.statuses in ([200], [403]), r
    for head in world.upstream.seen:
        assert b"h2c" not in head.lower() and b"http2-settings" not in head.lower(), head


def test_upgrade_answered_200_passes_no_early_bytes(world):
    reached = []
    def plain_200(s):
        s.settimeout(1)
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        try:
            reached.append(s.recv(4096))
        except socket.timeout:
            pass
    world.upstream.answers["/up"] = plain_200
    r = http1(world.upgrades, b"GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + SMUGGLED)
    assert 101 not in r.statuses and r.closed, r
    assert b"smuggled" not in b"".join(reached), reached


@pytest.mark.parametrize("named", [b"Host", b"X-Forwarded-For", b":authority", b", ".join(b"a%d" % i for i in range(12))])
def test_connection_may_not_name_what_routes(world, named):
    r = http1(world.plain, get(headers=b"Host: x\r\nA1: v\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: " + named), 1)
    assert r.statuses in ([400], [200]), r
    for head in world.upstream.seen:  # where it was not refused it must not have had its way
        assert b"\r\nhost: x" in head.lower(), head


def test_wrong_protocols(world):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    hello = b"\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03" + bytes(range(244))
    assert http1(world.h1only, preface).closed
    assert http1(world.h2only, get()).closed
    assert http1(world.plain, hello).closed
    assert http1(world.plain, b"\0" * 5000).closed
    assert http1(world.plain, b"SSH-2.0-x\r\n\r\n").closed


def test_pipelined_requests_are_answered_one_by_one(world):
    world.upstream.most_at_once = 0
    n = 300
    r = http1(world.plain, get() * n + get(headers=b"Host: x\r\nConnection: close"), 5)
    assert r.closed and r.statuses == [200] * (n + 1)
    assert world.upstream.most_at_once == 1


def test_pipelining_flood_is_not_kept(world):
    """A client that never reads: the proxy stops reading long before megabytes."""
    with connect(world.quick) as s:
        s.settimeout(1)
        sent = 0
        flood = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
        world.upstream.answers["/large"] = lambda u: u.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n" + b"x" * (32 << 20))
        try:
            while sent < 64 << 20:
                sent += s.send(flood)
        except OSError:
            pass
        assert sent < 16 << 20, sent
        assert pathlib.Path(f"/proc/{world.pid}/stat").exists()


# ---- slowness: the listener `quick` gives 0.5 s for headers, 1 s to a silent stream or an idle connection
def test_slow_head_gets_408(world):
    with connect(world.quick) as s:
        began = time.monotonic()
        try:
            for b in b"GET /x HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1000:
                s.sendall(bytes([b]))
                time.sleep(0.05)
                if time.monotonic() - began > 1.5:
                    break
        except OSError:
            pass
        text, closed = read_all(s, 2)
    assert closed and (b" 408 " in text or text == b""), text
    assert time.monotonic() - began < 4


def test_silent_connection_is_closed(world):
    with connect(world.quick) as s:
        text, closed = read_all(s, 3)
    assert closed and text in (b"",) or b"408" in text


@pytest.mark.parametrize("raw", [post(b"Content-Length: 100", b"a"), chunked(b"5\r\nhel"), chunked(b"5")])
def test_slow_body_gets_408(world, raw):
    r = http1(world.quick, raw, 4)
    assert r.closed and r.statuses in ([408], [504]), r


def test_slow_reader_is_cut(world):
    """A client that does not read: after the stream's idle time the connection is gone and the upstream is let go."""
    left = threading.Event()
    def large(u):
        u.settimeout(8)
        try:
            u.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n" + b"x" * 200000000)
        except OSError:
            left.set()
    world.upstream.answers["/large"] = large
    with connect(world.quick) as s:
        s.sendall(get(b"GET /large HTTP/1.1"))
        assert left.wait(5)
        end = time.monotonic() + 3
        while "http.quick.downstream_cx_active: 0" not in peers.get(world.admin, "/stats"):
            assert time.monotonic() < end
            time.sleep(0.05)


# ---- upstreams
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"
UPSTREAM = {
    "CL and TE": (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", {502, 503}),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", {502, 503}),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: %s\r\n" % (i, b"b" * 1000) for i in range(2000)), {502, 503}),
    "200 headers": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", {502, 503}),
    "CR in a value": (b"HTTP/1.1 200 OK\r\na: b\rc\r\ncontent-length: 0\r\n\r\n", {502, 503}),
    "NUL in a value": (b"HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 0\r\n\r\n", {502, 503}),
    "obs-fold": (b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n", {502, 503}),
    "no HTTP": (b"SSH-2.0-x\r\n", {502, 503}),
    "nothing": (b"", {502, 503}),
    "101 unasked": (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" + OK, {502, 503}),
    "1xx flood": (b"HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" * 5000 + OK, {200, 502, 503}),
    "100 flood": (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000 + OK, {200, 502, 503}),
    "junk after the answer": (OK + OK.replace(b"fine", b"evil"), {200}),
    "204 with body": (b"HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil", {204, 502, 503}),
    "304 with body": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil", {304, 502, 503}),
    "status 99": (b"HTTP/1.1 099 X\r\n\r\n", {502, 503}),
    "HTTP/3.0": (b"HTTP/3.0 200 OK\r\n\r\n", {502, 503}),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_hostile_upstream(world, name):
    raw, expected = UPSTREAM[name]
    world.upstream.answers["/bad"] = raw
    with connect(world.plain) as s:
        s.sendall(get(b"GET /bad HTTP/1.1"))
        s.settimeout(5)
        text = s.recv(1 << 20)
        more, _ = read_all(s, 0.3)
        text += more
        finals = [int(p[:3]) for p in text.split(b"HTTP/1.1 ")[1:] if not p.startswith(b"1")]
        assert len(finals) == 1 and finals[0] in expected, text[-600:]
        assert b"evil" not in text
    r = http1(world.plain, get(headers=b"Host: x\r\nConnection: close"))  # nobody gets what lay behind
    assert r.statuses == [200] and r.text.endswith(b"fine"), r


def test_answer_to_head_has_no_body(world):
    world.upstream.answers["/bad"] = OK.replace(b"fine", b"evil")
    r = http1(world.plain, get(b"HEAD /bad HTTP/1.1") + get(headers=b"Host: x\r\nConnection: close"))
    assert r.statuses == [200, 200] and b"evil" not in r.text, r


def test_early_answer_to_an_upload(world):
    """The upstream answers after the head and closes; the client sends on for a while."""
    world.upstream.answers["/early"] = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    r = http1(world.plain, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3000000, seconds=10)
    assert r.closed and r.statuses in ([413], [503], [502], []), r


def test_upstream_that_resets(world):
    def reset(s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    world.upstream.answers["/reset"] = reset
    r = http1(world.plain, get(b"GET /reset HTTP/1.1") * 50 + get(headers=b"Host: x\r\nConnection: close"), 5)
    assert r.statuses == [503] * 50 + [200], r.statuses


def test_endless_chunks_are_not_kept(world):
    """An upstream that never ends a body, a client that leaves: memory does not grow (the fixture looks)."""
    def endless(s):
        s.settimeout(3)
        s.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(2000):
            s.sendall(chunk)
    world.upstream.answers["/endless"] = endless
    with connect(world.plain) as s:
        s.sendall(get(b"GET /endless HTTP/1.1"))
        s.recv(100)
        time.sleep(0.3)
