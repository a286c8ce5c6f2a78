"""client.py TARGET CALLS VERSION WARM: calls helloworld.Greeter/SayHello over one channel and prints each answer.

WARM: first call until that many different servers answered, so that all connections are ready; those are not printed.
"""
import re
import sys

import grpc


def encode(name):
    return b"\x0a" + bytes([len(name)]) + name.encode()


def main():
    target, n, version, warm = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary("/helloworld.Greeter/SayHello", request_serializer=encode, response_deserializer=lambda b: b[2:].decode())
        metadata = (("version", version),) if version else ()
        seen = set()
        while len(seen) < warm:
            seen.add(re.search("hostname:([a-z0-9-]+)", call("world", metadata=metadata, timeout=10, wait_for_ready=True)).group(1))
        for _ in range(n):
            print(call("world", metadata=metadata, timeout=10, wait_for_ready=True))


main()
