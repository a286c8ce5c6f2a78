"""ads.py NODE_ID TYPE_URL [NAME...]: one ADS request as this node; prints "code CODE" when refused, else "resources N"."""
import sys

import grpc


def field(number, data):
    """A length-delimited protobuf field."""
    out, n = bytes([number << 3 | 2]), len(data)
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n]) + data


def count(message):
    """How many resources a DiscoveryResponse holds: its fields with number 2."""
    at = found = 0
    while at < len(message):
        tag, at = message[at], at + 1
        size = shift = 0
        while True:
            size, shift, at = size | (message[at] & 127) << shift, shift + 7, at + 1
            if message[at - 1] < 128:
                break
        found += tag == 2 << 3 | 2
        at += size if tag & 7 == 2 else 0
    return found


def main():
    node, kind, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    request = field(2, field(1, node.encode())) + b"".join(field(3, n.encode()) for n in names) + field(4, kind.encode())
    with grpc.insecure_channel("198.18.0.1:15010") as channel:
        stream = channel.stream_stream("/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
                                       request_serializer=lambda b: b, response_deserializer=lambda b: b)
        try:
            for answer in stream(iter([request]), timeout=2):
                print("resources", count(answer))
                break
        except grpc.RpcError as error:
            print("code", error.code().name, error.details())


main()
