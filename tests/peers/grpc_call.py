"""grpc_call.py TARGET N [key=value ...]: N calls of helloworld.Greeter/SayHello over one channel, with this metadata.

Prints a line of JSON for each: status code, details, reply, response metadata, seconds. /METHOD as a key replaces the method.
"""
import json
import sys
import time

import grpc


def main():
    target, n = sys.argv[1], int(sys.argv[2])
    metadata = [tuple(a.split("=", 1)) for a in sys.argv[3:] if not a.startswith("/")]
    method = next((a for a in sys.argv[3:] if a.startswith("/")), "/helloworld.Greeter/SayHello")
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(method, request_serializer=lambda b: b, response_deserializer=lambda b: b)
        for _ in range(n):
            began = time.monotonic()
            out = {"code": "OK", "details": "", "reply": ""}
            try:
                reply, answered = call.with_call(b"\x0a\x05world", metadata=metadata, timeout=10, wait_for_ready=True)
                out["reply"] = reply[2:].decode()
                out["metadata"] = {k: v for k, v in answered.initial_metadata() if isinstance(v, str)}
            except grpc.RpcError as error:
                out["code"], out["details"] = error.code().name, error.details()
                out["metadata"] = {k: v for k, v in error.initial_metadata() or () if isinstance(v, str)}
            out["seconds"] = time.monotonic() - began
            print(json.dumps(out), flush=True)


main()
