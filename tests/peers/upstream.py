"""An HTTP/1.1 upstream that answers as the path says, also badly: what proxies are compared on.

upstream.py PORT. The answer of most paths is JSON that tells what reached it (method, path, headers in order, body).
"""
import asyncio
import collections
import json
import sys

counts = collections.Counter()


async def read_request(reader):
    """(method, path, [(name, value)], body) or None at the end of the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = lines[0].split(" ", 2)
    headers = [tuple(p.strip() for p in line.split(":", 1)) for line in lines[1:]]
    names = {k.lower(): v for k, v in headers}
    body = b""
    if "chunked" in names.get("transfer-encoding", ""):
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if size == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                break
            body += (await reader.readexactly(size + 2))[:-2]
    elif "content-length" in names:
        body = await reader.readexactly(int(names["content-length"]))
    return method, path, headers, body


def told(method, path, headers, body, status=200, extra=()):
    data = json.dumps({"method": method, "path": path, "headers": sorted((k.lower(), v) for k, v in headers), "body": body.decode("latin-1")}).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}", *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else data)


RAW = {
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-trailer: t\r\n\r\n",
    "untilclose": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end",
    "http10": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "earlyhints": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "garbage": b"not http at all\r\n\r\n",
    "clte": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "badcl": b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    "twocl": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "badchunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "badheader": b"HTTP/1.1 200 OK\r\nbad header: x\r\ncontent-length: 0\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
    "extra": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokEXTRA",
    "hop": b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\nserver: mine\r\ndate: yesterday\r\ncontent-length: 2\r\n\r\nok",
    "closehdr": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    "dup": b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-dup: 1\r\nx-dup: 2\r\ncontent-length: 2\r\n\r\nok",
    "upgradeless": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n",
}
CLOSES = {"untilclose", "garbage", "clte", "badcl", "twocl", "badchunk", "badheader", "short", "extra", "http10", "closehdr", "upgradeless"}


async def serve(reader, writer):
    try:
        while True:
            method, path, headers, body = await read_request(reader)
            parts = path.split("?")[0].strip("/").split("/")
            verb = parts[0]
            if verb == "raw" and parts[1] in RAW:
                writer.write(RAW[parts[1]])
                if parts[1] in CLOSES:
                    break
            elif verb == "reset":
                writer.transport.abort()
                return
            elif verb == "close":
                break
            elif verb == "slow":
                await asyncio.sleep(int(parts[1]) / 1000)
                writer.write(told(method, path, headers, body))
            elif verb == "status":
                writer.write(told(method, path, headers, body, int(parts[1])))
            elif verb == "flaky":  # /flaky/STATUS/TIMES/KEY
                counts[parts[3]] += 1
                writer.write(told(method, path, headers, body, int(parts[1]) if counts[parts[3]] <= int(parts[2]) else 200, [f"x-count: {counts[parts[3]]}"]))
            elif verb == "flakyreset":
                counts[parts[2]] += 1
                if counts[parts[2]] <= int(parts[1]):
                    writer.transport.abort()
                    return
                writer.write(told(method, path, headers, body, 200, [f"x-count: {counts[parts[2]]}"]))
            elif verb == "count":
                writer.write(told(method, path, headers, body, 200, [f"x-count: {counts[parts[1]]}"]))
            elif verb == "header":
                writer.write(told(method, path, headers, body, 200, [f"{parts[1]}: {parts[2]}"]))
            elif verb == "upgrade":
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
                while data := await reader.read(4096):
                    writer.write(data.upper())
                break
            elif verb == "large":
                data = b"x" * int(parts[1])
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(data) + (b"" if method == "HEAD" else data))
            else:
                writer.write(told(method, path, headers, body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=1 << 20)
    async with server:
        await server.serve_forever()


asyncio.run(main())
