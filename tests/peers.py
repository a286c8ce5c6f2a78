"""Programs that we did not write, and how to start ours beside them: ports, static bootstraps, h2spec."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

from mesh import BUILD, ROOT

H2SPEC = "github.com/summerwind/h2spec/cmd/h2spec@latest"
APP = BUILD / "examples" / "canary" / "app" / "weft-canary-app"


def free_ports(n):
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_port(port, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")


def tool(name):
    """A program of the machine or of the test venv; None where there is none."""
    found = shutil.which(name)
    return found or (str(BUILD / "venv" / "bin" / name) if (BUILD / "venv" / "bin" / name).exists() else None)


def envoy():
    """The Envoy of the test venv: the program itself, which any user may run; None where there is none."""
    found = sorted((BUILD / "venv").glob("lib/python*/site-packages/envoy/_bin/envoy"))
    return found[0] if found else None


def h2spec():
    """The path of h2spec, built once per build folder."""
    path = BUILD / "interop" / "h2spec"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([tool("go"), "install", H2SPEC], check=True, env=dict(os.environ, GOBIN=str(path.parent)))
    return path


class Process:
    """A program that is stopped at the end of a with block; its output stands in a file."""

    def __init__(self, command, log, **env):
        self.log = pathlib.Path(log)
        self.file = open(self.log, "w")
        self.process = subprocess.Popen([str(c) for c in command], stdout=self.file, stderr=subprocess.STDOUT, env=dict(os.environ, **env))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.file.close()
        if kind:
            print(self.log.read_text(errors="replace")[-4000:])


def app(folder, **env):
    """The demo program on ports of its own: (process, http port, grpc port)."""
    http, grpc = free_ports(2)
    process = Process([APP], pathlib.Path(folder) / "app.log", PORT=str(http), GRPC_PORT=str(grpc), **env)
    wait_port(http)
    wait_port(grpc)
    return process, http, grpc


def proxy(folder, bootstrap, ports, name="weft-proxy", concurrency=1):
    """weft-proxy (or "envoy") with this bootstrap (a dict); waits until the ports listen."""
    file = pathlib.Path(folder) / f"{name}.json"
    file.write_text(json.dumps(bootstrap))
    if name == "envoy":
        command = [envoy(), "-c", file, "--concurrency", str(concurrency), "-l", "error", "--disable-hot-restart"]
    else:
        command = [BUILD / "weft-proxy", "-c", file, "--concurrency", str(concurrency), "-l", "warning"]
    process = Process(command, pathlib.Path(folder) / f"{name}.log")
    for port in ports:
        wait_port(port)
    return process


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, *ports, http2=False, **more):
    c = {"name": name, "connect_timeout": "5s", "load_assignment": {"cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(p)}} for p in ports]}]}, **more}
    if http2:
        c["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}
    return c


ROUTER = {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}


def listener(port, routes, name="main", filters=(), **hcm):
    """An HTTP listener whose routes (for any host) are given, or a whole route_config with a dict."""
    config = routes if isinstance(routes, dict) else {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}
    return {"name": name, "address": address(port), "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name, "route_config": config, "http_filters": [*filters, ROUTER], **hcm}}]}]}


def bootstrap(admin, listeners, clusters):
    return {"admin": {"address": address(admin)}, "static_resources": {"listeners": listeners, "clusters": clusters}}


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()
