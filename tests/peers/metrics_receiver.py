"""An Envoy MetricsService on gRPC's own server: metrics_receiver.py PORT. One line of JSON per message on standard output, decoded by hand from
the published field numbers (envoy.service.metrics.v3, io.prometheus.client), so that it shares no mistake with our .proto files."""
import concurrent.futures
import json
import struct
import sys

import grpc


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """number -> list of values: int, float (64 bit) or bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {key & 7}")
        found.setdefault(key >> 3, []).append(value)
    return found


def one(found, number, default=None):
    return found.get(number, [default])[-1]


def metric(data):
    m = fields(data)
    out = {"labels": {one(p, 1).decode(): one(p, 2, b"").decode() for p in map(fields, m.get(1, []))}, "at": one(m, 6)}
    if 3 in m:
        out["counter"] = one(fields(one(m, 3)), 1, 0.0)
    if 7 in m:
        h = fields(one(m, 7))
        out |= {"count": one(h, 1, 0), "sum": one(h, 2, 0.0), "buckets": [[one(b, 2), one(b, 1, 0)] for b in map(fields, h.get(3, []))]}
    return out


def message(data, stream):
    m = fields(data)
    families = [{"name": one(f, 1).decode(), "type": one(f, 3, 0), "metrics": [metric(x) for x in f.get(4, [])]} for f in map(fields, m.get(2, []))]
    node = fields(one(fields(one(m, 1)), 1)) if 1 in m else None
    return {"stream": stream, "node": one(node, 1).decode() if node else None, "families": families}


class Service(grpc.GenericRpcHandler):
    streams = 0

    def service(self, details):
        if details.method != "/envoy.service.metrics.v3.MetricsService/StreamMetrics":
            return None
        Service.streams += 1
        number = Service.streams

        def take(messages, context):
            for data in messages:
                print(json.dumps(message(data, number)), flush=True)
            return b""
        return grpc.stream_unary_rpc_method_handler(take)


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=(Service(),))
assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
