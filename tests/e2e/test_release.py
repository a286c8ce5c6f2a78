"""Releases in a running mesh with traffic flowing: gray to 100 %, bad versions taken back by themselves, people's verbs, approval, drift, undo."""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from mesh import ROOT, SERVICE, Mesh

PROJECT = "shop"
DEPLOYMENT = (ROOT / "examples/canary/deployments.yaml").read_text().split("---")[0]
CALLERS = (ROOT / "examples/demo/callers.yaml").read_text().replace('"30"', '"150"').replace('"15"', '"50"')
QUICK = {"warmUp": "0s"}


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weft", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Api:
    """The platform's calls over the mesh's own socket, as a person of that name."""

    def __init__(self, m, actor=None):
        self.socket, self.actor = f"{m.state}/api.sock", actor

    def call(self, method, path, body=None, match=None):
        headers = {"content-type": "application/json"}
        if self.actor:
            headers["x-weft-actor"] = self.actor
        if match:
            headers["if-match"] = match
        c = Unix(self.socket)
        c.request(method, f"/weft/v1{path}", json.dumps(body) if body is not None else None, headers)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        return r.status, json.loads(text) if text.startswith(("{", "[")) else text

    def ok(self, method, path, body=None, match=None):
        status, answer = self.call(method, path, body, match)
        assert status in (200, 201), f"{method} {path}: {status} {answer}"
        return answer


def version(name, **env):
    """A Deployment of the service's version of that name. Its probe looks at the port only: a version that answers badly must be found by
    its answers, not by a probe that happens to fail three times."""
    text = DEPLOYMENT.replace("k8s-combat-service-v1", f"k8s-combat-service-{name}")
    text = text.replace("httpGet:\n              path: /ping\n              port: 8081", "tcpSocket:\n              port: 8081")
    assert "tcpSocket" in text
    lines = "".join(f"            - name: {k}\n              value: \"{v}\"\n" for k, v in env.items())
    return text.replace("          ports:\n", f"          env:\n{lines}          ports:\n") if env else text


@pytest.fixture(scope="module")
def m():
    with Mesh("examples/canary") as mesh:
        mesh.apply(json.dumps({"apiVersion": "weft.dev/v1alpha1", "kind": "Project", "metadata": {"name": PROJECT}, "spec": {
            "members": [{"user": "anna", "role": "owner"}, {"user": "ben", "role": "releaser"}, {"user": "local", "role": "owner"}],
            "environments": [{"name": "production", "namespace": "default"}],
            "services": [{"name": SERVICE, "namespace": "default"}]}}))
        mesh.apply("---\n".join([CALLERS, version("v5", FAIL_PERCENT=5), version("v50", FAIL_PERCENT=50), version("v7", DELAY_MS=20)]))
        api = Api(mesh)
        mesh.wait("traffic is measured", lambda: (api.ok("GET", f"/projects/{PROJECT}/services/{SERVICE}")["requests"] or 0) > 100, 60)
        yield mesh


@pytest.fixture
def api(m):
    api = Api(m)
    yield api
    for r in api.ok("GET", f"/projects/{PROJECT}/releases?state=active")["items"]:
        api.call("POST", f"/projects/{PROJECT}/releases/{r['n']}:abort", {"step": r["step"]})
        until(api, r["n"], "aborted", "rolled-back", "succeeded", "superseded", "failed")
    api.call("DELETE", f"/projects/{PROJECT}/services/{SERVICE}/traffic", match="*")


def start(api, to="v2", steps=None, **spec):
    body = {"spec": {"service": SERVICE, "from": "v1", "to": to, "steps": steps or STEPS, "analysis": QUICK, "warmFor": "1s", **spec}, "reason": "test"}
    return api.ok("POST", f"/projects/{PROJECT}/releases", body)["n"]


STEPS = [{"match": [{"match": [{"header": "x-canary", "exact": "true"}]}], "weight": 0, "bake": "2s"}, {"weight": 10, "bake": "2s"},
         {"weight": 50, "bake": "2s"}, {"weight": 100, "bake": "2s"}]


def get(api, n):
    return api.ok("GET", f"/projects/{PROJECT}/releases/{n}")


def until(api, n, *states, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        r = get(api, n)
        if r["state"] in states:
            return r
        time.sleep(0.1)
    raise AssertionError(f"release {n} is {r['state']} at step {r['step']}, not {states}: {json.dumps(r)[:6000]}\n{log(api, n)}")


def log(api, n):
    return [(e["code"], e["step"], e["numbers"]) for e in api.ok("GET", f"/projects/{PROJECT}/releases/{n}/log")["items"]]


def verb(api, n, word, **body):
    return api.call("POST", f"/projects/{PROJECT}/releases/{n}:{word}", {"step": get(api, n)["step"], **body})


def traffic(api):
    return api.ok("GET", f"/projects/{PROJECT}/services/{SERVICE}/traffic")


def history(api):
    return api.ok("GET", f"/projects/{PROJECT}/services/{SERVICE}/history")["items"]


def test_gray_by_header_then_weights_to_all(api):
    n = start(api)
    r = until(api, n, "succeeded", seconds=90)
    assert [s["state"] for s in r["stepList"]] == ["passed"] * 4, r["stepList"]
    assert r["ordered"] == {"v1": 0, "v2": 100}
    spec = traffic(api)["spec"]
    assert spec["split"] == {"v2": 100} and spec["versions"][0]["name"] == "v2" and not spec.get("rules")
    ordered = [c["facts"] for c in history(api) if c["release"] == n]
    assert len(ordered) >= 4
    entered = [e for e in log(api, n) if e[0] == "step-entered"]
    assert [e[1] for e in entered] == [0, 1, 2, 3]
    assert r["stepList"][1]["requests"] > 10 and r["stepList"][1]["failed"] == 0


@pytest.mark.parametrize("bad,metric,seconds", [("v50", None, 10), ("v5", "errors", 40), ("v7", "latency", 60)])
def test_bad_version_is_taken_back_by_itself(api, bad, metric, seconds):
    n = start(api, to=bad, steps=[{"weight": 10, "bake": "5m"}, {"weight": 100, "bake": "5s"}])
    until(api, n, "baking", "rolling-back", "rolled-back", seconds=60)
    begin = time.monotonic()
    r = until(api, n, "rolled-back", seconds=seconds + 20)
    took = time.monotonic() - begin
    print(f"{bad}: rolled back {took:.1f} s after the bake began: {r['sentence']}")
    assert took <= seconds, r["sentence"]
    assert r["verdict"] == "rolled-back" and r["outcome"]["requests"] > 0
    if metric:
        assert r["outcome"]["metric"].startswith(metric), r["outcome"]
    assert traffic(api)["spec"]["split"] == {"v1": 100}


def test_abort_wins_and_ends(api):
    n = start(api, steps=[{"weight": 20, "bake": "5m"}, {"weight": 100, "bake": "5m"}])
    until(api, n, "baking")
    assert verb(api, n, "pause", reason="lunch")[0] == 200
    assert get(api, n)["state"] == "paused"
    status, answer = verb(api, n, "abort", reason="enough")
    assert status == 200, answer
    r = until(api, n, "aborted")
    assert traffic(api)["spec"]["split"] == {"v1": 100} and r["outcome"]["why"] == "abort"
    assert verb(api, n, "promote")[0] == 409


def test_pause_holds_the_step_and_promote_passes_it(api):
    n = start(api, steps=[{"weight": 20, "bake": "5m"}, {"weight": 60, "bake": "5m"}, {"weight": 100, "bake": "1s"}])
    until(api, n, "baking")
    assert verb(api, n, "pause")[0] == 200
    time.sleep(2)
    assert get(api, n)["weight"] == 20
    assert verb(api, n, "resume")[0] == 200
    status, stale = api.call("POST", f"/projects/{PROJECT}/releases/{n}:promote", {"step": 1})
    assert status == 409 and stale["currentStep"] == 0
    assert verb(api, n, "promote")[0] == 200
    m_at = until(api, n, "verifying", "baking")
    assert m_at["step"] == 1
    assert verb(api, n, "rollback", reason="back")[0] == 200
    until(api, n, "rolled-back")


def test_approval_by_another_person(api, m):
    anna, ben = Api(m, "anna"), Api(m, "ben")
    n = start(anna, steps=[{"weight": 10, "bake": "1s"}, {"weight": 100, "bake": "1s", "approval": {"role": "releaser"}}])
    r = until(api, n, "awaiting-approval")
    inbox = [a for a in ben.ok("GET", "/approvals")["items"] if a["release"] == n]
    assert inbox and inbox[0]["step"] == 1 and inbox[0]["startedBy"] == "anna"
    assert verb(anna, n, "approve")[0] == 422
    assert get(api, n)["weight"] == 10 and r["approval"]["have"] == 0
    assert verb(ben, n, "approve", reason="looks fine")[0] == 200
    until(api, n, "succeeded", "warm")


def test_only_one_release_at_a_time_and_undo_names_rollback(api):
    n = start(api, steps=[{"weight": 10, "bake": "5m"}])
    until(api, n, "baking")
    status, answer = api.call("POST", f"/projects/{PROJECT}/releases", {"spec": {"service": SERVICE, "from": "v1", "to": "v5", "strategy": "gray"}})
    assert status == 409 and answer["code"] == "release-active" and answer["release"] == n
    status, answer = api.call("POST", f"/projects/{PROJECT}/services/{SERVICE}/traffic:undo")
    assert status == 409 and answer["verb"] == "rollback"
    status, answer = api.call("PATCH", f"/projects/{PROJECT}/services/{SERVICE}/traffic", {"spec": {"split": {"v1": 50, "v2": 50}}}, match="*")
    assert status == 409
    api.ok("PATCH", f"/projects/{PROJECT}/services/{SERVICE}/traffic", {"spec": {"timeout": "3s"}}, match="*")
    assert get(api, n)["held"] is None


VS = (ROOT / "examples/canary/routing.yaml").read_text()


@pytest.mark.parametrize("way", ["keep-ours", "take-theirs"])
def test_change_beneath_holds_it(api, m, way):
    n = start(api, steps=[{"weight": 10, "bake": "5m"}, {"weight": 100, "bake": "5m"}])
    until(api, n, "baking")
    m.apply(VS.replace('exact: "200"', 'exact: "201"'))
    r = until(api, n, "held")
    assert r["held"]["reason"] == "drift" and "201" in r["held"]["diff"]
    status, answer = verb(api, n, way, reason="seen")
    assert status == 200, answer
    if way == "keep-ours":
        assert until(api, n, "baking", "verifying")["weight"] == 10
    else:
        until(api, n, "aborted", "superseded", "rolled-back")
    m.apply(VS)


def test_traffic_written_beneath_holds_it(api, m):
    n = start(api, steps=[{"weight": 10, "bake": "5m"}, {"weight": 100, "bake": "5m"}])
    until(api, n, "baking")
    spec = traffic(api)["spec"]
    spec["split"] = {"v1": 60, "v2": 40}
    m.apply(json.dumps({"apiVersion": "weft.dev/v1alpha1", "kind": "Traffic", "metadata": {"name": SERVICE}, "spec": spec}))
    until(api, n, "held")
    assert verb(api, n, "keep-ours", reason="mine")[0] == 200
    until(api, n, "baking", "verifying")
    assert traffic(api)["spec"]["split"] == {"v1": 90, "v2": 10}


def test_undo_within_a_second_and_bring_back(api):
    before = traffic(api)
    first = api.ok("PUT", f"/projects/{PROJECT}/services/{SERVICE}/traffic", {"spec": {"split": {"v1": 70, "v2": 30}}, "reason": "look"}, match="*")
    assert first["proxies"]["acked"] == first["proxies"]["of"] > 0 and not first["proxies"]["missing"]
    begin = time.monotonic()
    api.ok("POST", f"/projects/{PROJECT}/services/{SERVICE}/traffic:undo")
    assert time.monotonic() - begin < 1
    assert traffic(api)["spec"] == before["spec"]
    api.ok("POST", f"/projects/{PROJECT}/services/{SERVICE}/history/{first['k']}:restore", {"reason": "again"})
    assert traffic(api)["spec"]["split"] == {"v1": 70, "v2": 30}


def test_fault_ends_by_itself(api):
    until_ = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    api.ok("PUT", f"/projects/{PROJECT}/services/{SERVICE}/traffic", {"spec": {"faults": [{"percent": 1, "httpStatus": 503, "until": until_}]}}, match="*")
    assert traffic(api)["spec"]["faults"]
    end = time.monotonic() + 20
    while traffic(api)["spec"].get("faults"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert history(api)[0]["actor"] == "Weft" and history(api)[0]["via"] == "weft"


def test_release_by_manifest(api, m):
    manifest = {"apiVersion": "weft.dev/v1alpha1", "kind": "Release", "metadata": {"name": f"by-hand-{random.randrange(10**6)}"},
                "spec": {"service": SERVICE, "from": "v1", "to": "v9", "steps": [{"weight": 10, "bake": "4s"}, {"weight": 100, "bake": "1s"}], "analysis": QUICK,
                         "warmFor": "1s"}}
    bad = m.weft("apply", "-f", "-", stdin=json.dumps(manifest))
    assert bad.code != 0 and "v9" in bad.err + bad.out
    manifest["spec"]["to"] = "v2"
    m.apply(json.dumps(manifest))
    n = api.ok("GET", f"/projects/{PROJECT}/releases?state=active,ended")["items"][0]["n"]
    until(api, n, "preparing", "applying", "verifying", "baking")
    refused = m.weft("delete", "release", manifest["metadata"]["name"])
    assert refused.code != 0 and "abort" in refused.err + refused.out, refused
    m.apply(json.dumps(manifest))  # the same again changes nothing
    until(api, n, "succeeded", "warm")
    manifest["spec"]["to"] = "v5"
    assert m.weft("apply", "-f", "-", stdin=json.dumps(manifest)).code != 0  # a plan that began is not edited


class Server:
    """A small HTTP server on loopback: what it was asked, and what it answers."""

    def __init__(self, answer):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked.append((self.path, dict(self.headers), body))
                status, text = answer(self.path, len(asked))
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def test_webhook_is_signed_and_asked_again(api):
    api.ok("PATCH", "/settings", {"webhookSecret": "a secret of the test"}, match="*")
    with Server(lambda path, n: (503, "not yet") if n == 1 else (200, "yes")) as hook:
        n = start(api, steps=[{"weight": 10, "bake": "1s", "webhook": {"url": f"{hook.url}/go"}}, {"weight": 100, "bake": "1s"}])
        until(api, n, "succeeded", "warm")
    assert len(hook.asked) == 2
    for path, headers, body in hook.asked:
        headers = {k.lower(): v for k, v in headers.items()}
        signed = hmac.new(b"a secret of the test", headers["x-weft-timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert path == "/go" and headers["x-weft-signature"] == f"sha256={signed}"
        assert json.loads(body)["id"] == headers["x-weft-event-id"] and json.loads(body)["release"]["n"] == n
    assert len({json.loads(b)["id"] for _, _, b in hook.asked}) == 1


def prometheus():
    """A Prometheus on the machine, or the one that WEFT_PROMETHEUS names."""
    return os.environ.get("WEFT_PROMETHEUS") or shutil.which("prometheus")


@pytest.mark.parametrize("value,end", [(0.9, "rolled-back"), (0.1, "succeeded")])
def test_threshold_by_a_real_prometheus(api, tmp_path, value, end):
    if not prometheus():
        pytest.skip("no prometheus on this machine")
    with Server(lambda path, n: (200, f'shop_bad_ratio{{version="v2"}} {value}\nshop_bad_ratio{{version="v1"}} 0.1\n')) as exporter:
        config = tmp_path / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['%s']}]}]\n" % exporter.url[7:])
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        p = subprocess.Popen([prometheus(), f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query=shop_bad_ratio", timeout=2) as r:
                        if json.load(r)["data"]["result"]:
                            break
                except OSError:
                    pass
                time.sleep(0.1)
            metric = {"name": "bad-orders", "prometheus": f"http://127.0.0.1:{port}", "query": 'shop_bad_ratio{version="{{version}}"}', "interval": "1s", "max": 0.5}
            n = start(api, steps=[{"weight": 20, "bake": "4s"}, {"weight": 100, "bake": "1s"}], analysis={**QUICK, "metrics": [metric]})
            r = until(api, n, "rolled-back", "succeeded")
        finally:
            p.kill()
            p.wait()
    assert r["state"] == end, (r["sentence"], log(api, n))
    tile = [t for t in r["metrics"] if t["id"] == "bad-orders"]
    assert tile and tile[0]["canary"] == value


def weftd_pid(m):
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (p / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if line and line[0].endswith(b"weftd") and m.state.encode() in line:
            return int(p.name)
    return None


def test_kill_9_at_random_moments(api, m):
    """Each release goes on where it was: no step twice, no weight that nobody ordered."""
    kills, rng, done = int(os.environ.get("WEFT_MESH_KILLS", "3")), random.Random(7), 0
    steps = [{"weight": 10, "bake": "1s"}, {"weight": 40, "bake": "1s"}, {"weight": 100, "bake": "1s"}]
    to, back = "v2", "v1"
    while done < kills:
        n = api.ok(
            "POST", f"/projects/{PROJECT}/releases",
            {"spec": {"service": SERVICE, "from": back, "to": to, "steps": steps, "analysis": QUICK, "warmFor": "0s"}})["n"]
        while True:
            time.sleep(rng.uniform(0, 2.5))
            state = answering(api, n)
            if state["state"] in ("succeeded", "warm"):
                break
            assert state["state"] not in ("failed", "rolled-back", "aborted"), (state["sentence"], log(api, n))
            if done < kills:
                pid = weftd_pid(m)
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    done += 1
        check_steps(api, n, to, back)
        to, back = back, to
    print(f"{done} kills")


def answering(api, n):
    end = time.monotonic() + 60
    while True:
        try:
            return get(api, n)
        except (OSError, http.client.HTTPException, AssertionError):
            assert time.monotonic() < end, "weftd does not come back"
            time.sleep(0.05)


def check_steps(api, n, to, back):
    entries = api.ok("GET", f"/projects/{PROJECT}/releases/{n}/log")["items"]
    assert [e["step"] for e in entries if e["code"] == "step-entered"] == [0, 1, 2], entries
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    weights = []
    for c in reversed(history(api)):
        if c["release"] != n:
            continue
        after = api.ok("GET", f"/projects/{PROJECT}/services/{SERVICE}/history/{c['k']}")["after"]
        weights.append((after.get("split") or {after["versions"][0]["name"]: 100}).get(to, 0))
    assert set(weights) <= {0, 10, 40, 100} and weights == sorted(weights), weights
