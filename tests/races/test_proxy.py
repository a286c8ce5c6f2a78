"""weft-proxy with two workers under load while its admin pages are read: made for a build with ThreadSanitizer (group tsan), whose
reports in the log fail it."""
import shutil
import subprocess
import threading

import pytest

import peers
from mesh import SANITIZER

PAGES = ["/stats", "/stats/prometheus", "/clusters", "/config_dump", "/listeners", "/server_info"]
LOADS = {
    "http1": ["--h1", "-c", "8", "/ping"],
    "http2": ["-c", "4", "-m", "8", "/ping"],
    "grpc": ["-c", "4", "-m", "8", "-H", "te: trailers", "-H", "content-type: application/grpc", "-d", "BODY", "/helloworld.Greeter/SayHello"],
}


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load makes the load")
@pytest.mark.parametrize("kind", LOADS)
def test_load_while_admin_is_read(tmp_path, kind):
    port, admin = peers.free_ports(2)
    app, http, grpc = peers.app(tmp_path)
    body = tmp_path / "body"
    body.write_bytes(b"\0\0\0\0\7\n\5world")
    options = [str(body) if o == "BODY" else o for o in LOADS[kind]]
    routes = [{"match": {"prefix": "/helloworld"}, "route": {"cluster": "grpc"}}, {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [
        {"name": "a", "weight": 50}, {"name": "b", "weight": 50}]}}}]
    clusters = [peers.cluster("a", http, outlier_detection={"consecutive_5xx": 5}), peers.cluster("b", http, lb_policy="LEAST_REQUEST"), peers.cluster("grpc", grpc, http2=True)]
    n = 20000
    with app, peers.proxy(tmp_path, peers.bootstrap(admin, [peers.listener(port, routes)], clusters), [port], concurrency=2) as p:
        over = threading.Event()

        def read():
            while not over.is_set():
                for page in PAGES:
                    peers.get(admin, page)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            r = subprocess.run(["h2load", "-n", str(n), "-t", "1", *options[:-1], f"http://127.0.0.1:{port}{options[-1]}"], capture_output=True, text=True, timeout=60)
        finally:
            over.set()
            reader.join()
        assert f"{n} succeeded, 0 failed, 0 errored" in r.stdout, r.stdout
    text = p.log.read_text(errors="replace")
    assert not SANITIZER.search(text), text[:8000]
