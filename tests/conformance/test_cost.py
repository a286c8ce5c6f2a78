"""What a request may cost: user instructions, counted by callgrind, so the same on any machine; and memory."""
import pathlib
import re
import shutil
import subprocess

import pytest

import peers

MOST_GRPC = 15000  # user instructions per call; a relay on libnghttp2 needs 38,000
MOST_PSS_KIB = 8 * 1024


def count(tmp_path, calls):
    """Instructions of a whole run of weft-proxy that carries this many gRPC calls."""
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path)
    out = tmp_path / f"callgrind.{calls}"
    body = tmp_path / "body"
    body.write_bytes(b"\0\0\0\0\7\n\5world")
    config = tmp_path / "cost.json"
    import json
    config.write_text(json.dumps(peers.bootstrap(admin, [peers.listener(port, [
        {"match": {"prefix": "/", "headers": [{"name": "version", "string_match": {"exact": "200"}}]}, "route": {"cluster": "up"}},
        {"match": {"prefix": "/"}, "route": {"timeout": "5s", "weighted_clusters": {"clusters": [{"name": "up", "weight": 90}, {"name": "up2", "weight": 10}]}}}])],
        [peers.cluster("up", grpc, http2=True), peers.cluster("up2", grpc, http2=True)])))
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", peers.BUILD / "weft-proxy", "-c", config, "--concurrency", "1", "-l", "error"]
    with app, peers.Process(command, tmp_path / "valgrind.log"):
        peers.wait_port(port, 60)
        r = subprocess.run(["h2load", "-n", str(calls), "-c", "2", "-m", "8", "-d", body, "-H", "te: trailers", "-H", "content-type: application/grpc",
                            f"http://127.0.0.1:{port}/helloworld.Greeter/SayHello"], capture_output=True, text=True, timeout=120)
        assert f"{calls} succeeded, 0 failed, 0 errored" in r.stdout, r.stdout
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M).group(1))


@pytest.mark.skipif(not shutil.which("valgrind") or not shutil.which("h2load"), reason="valgrind and h2load count")
def test_instructions_per_grpc_call(tmp_path):
    few, many = count(tmp_path, 400), count(tmp_path, 2400)
    each = (many - few) / 2000
    print(f"\n    {each:.0f} user instructions per gRPC call")
    assert each <= MOST_GRPC


def test_memory_after_traffic(tmp_path):
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path)
    with app, peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}])],
                                                    [peers.cluster("up", http)]), [port]) as p:
        subprocess.run(["h2load", "--h1", "-n", "5000", "-c", "50", f"http://127.0.0.1:{port}/ping"], capture_output=True, timeout=60)
        text = pathlib.Path(f"/proc/{p.process.pid}/smaps_rollup").read_text()
        pss = int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
        print(f"\n    PSS {pss / 1024:.1f} MiB")
        assert pss <= MOST_PSS_KIB
