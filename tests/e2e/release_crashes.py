#!/usr/bin/env python3
"""kill -9 of weftd at random moments of releases: each goes on where it was, no step twice, no weight that nobody ordered.

    tests/e2e/release_crashes.py [KILLS] [SEED]

weftd alone, with simulated sidecars (tests/scale) that report steady traffic; four services are released again and again, so every kill
meets four releases at once. Runs itself in a network namespace of its own, as tests/scale/run does."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("scale_run", str(ROOT / "tests/scale/run"))
scale = importlib.util.module_from_spec(importlib.util.spec_from_loader("scale_run", loader))
loader.exec_module(scale)

SERVICES = [f"s{i}" for i in range(4)]
WEIGHTS = [10, 50, 100]
LOG_FULL = 290  # release.h: RELEASE_LOG_MAX lines, kept with some room
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{matchLabels: {{app: {app}, version: {version}}}}}
  template:
    metadata: {{labels: {{app: {app}, version: {version}}}}}
    spec: {{containers: [{{name: app, image: app:1, ports: [{{containerPort: 8080}}]}}]}}
---
"""


class Weftd:
    def __init__(self, state):
        self.state, self.log = state, open(f"{state}/weftd.log", "a")
        self.start()

    def start(self):
        self.process = subprocess.Popen([scale.BUILD / "weftd", "--state", self.state, "--xds", scale.XDS, "-l", "warning"], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        assert "ready" in self.process.stdout.readline()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def call(self, method, path, body=None):
        status, text = scale.Unix(f"{self.state}/api.sock").call(method, path, body)
        return status, json.loads(text)

    def ok(self, method, path, body=None):
        status, answer = self.call(method, f"/weft/v1{path}", body)
        assert status in (200, 201), (method, path, status, answer)
        return answer


def world(w):
    text = "".join(f"apiVersion: v1\nkind: Service\nmetadata: {{name: {s}, namespace: default}}\nspec: {{selector: {{app: {s}}}, ports: "
                   f"[{{name: http, port: 80, targetPort: 8080}}]}}\n---\n" + "".join(DEPLOYMENT.format(name=f"{s}-{v}", app=s, version=v) for v in ("v1", "v2"))
                   for s in SERVICES)
    text += DEPLOYMENT.format(name="caller", app="caller", version="v1")
    text += json.dumps({"apiVersion": "weft.dev/v1alpha1", "kind": "Project", "metadata": {"name": "shop"}, "spec": {
        "members": [{"user": "local", "role": "owner"}], "environments": [{"name": "production", "namespace": "default"}],
        "services": [{"name": s, "namespace": "default"} for s in SERVICES]}})
    status, answer = w.call("POST", "/weft/v1/apply", {"files": [{"name": "world.yaml", "text": text}]})
    assert status == 200, answer
    items = scale.pods(scale.Unix(f"{w.state}/api.sock"), 2 * len(SERVICES) + 1)
    scale.make_ready(f"{w.state}/api.sock", items)
    ip = {(p["metadata"]["labels"]["app"], p["metadata"]["labels"]["version"]): p["status"]["podIP"] for p in items}
    caller = next(p for p in items if p["metadata"]["labels"]["app"] == "caller")
    calls = [f"{s}.default.svc.cluster.local,outbound|80|weft_{v}|{s}.default.svc.cluster.local,{ip[s, v]}:8080" for s in SERVICES for v in ("v1", "v2")]
    with open(f"{w.state}/proxies", "w") as f:
        print("default", caller["metadata"]["name"], ip["caller", "v1"], "caller", *calls, file=f)


def start(w, service, stable, new):
    steps = [{"weight": x, "bake": "1s", "checks": ["errors"]} for x in WEIGHTS]
    spec = {"service": service, "from": stable, "to": new, "steps": steps, "analysis": {"warmUp": "0s"}, "warmFor": "0s"}
    return w.ok("POST", "/projects/shop/releases", {"spec": spec})["n"]


def check(w, service, n, new):
    """By the release's log, the audit log and the history of changes: each step once and in order, only ordered weights, none twice."""
    entries = w.ok("GET", f"/projects/shop/releases/{n}/log?limit=1000")["items"]
    assert [e["step"] for e in entries if e["code"] == "step-entered"] == list(range(len(WEIGHTS))), entries
    seqs = [e["seq"] for e in entries]
    assert seqs == sorted(set(seqs)), seqs
    assert len(entries) >= LOG_FULL or seqs == list(range(1, len(entries) + 1)), seqs  # a full log forgets small talk
    audited = [e for e in w.ok("GET", "/audit?project=shop&action=release:step-entered&limit=1000")["items"] if e["target"] == f"release shop#{n}"]
    assert [e["evidence"]["step"] for e in reversed(audited)] == list(range(len(WEIGHTS))), audited
    weights = []
    for c in reversed(w.ok("GET", f"/projects/shop/services/{service}/history?limit=1000")["items"]):
        if c["release"] == n:
            split = w.ok("GET", f"/projects/shop/services/{service}/history/{c['k']}")["after"]["split"]
            assert abs(sum(split.values()) - 100) < 0.001, split
            weights.append(split.get(new, 0))
    assert set(weights) <= {0, *WEIGHTS} and weights == sorted(weights) and 100 in weights, weights


def main(kills, seed):
    rng, state = random.Random(seed), tempfile.mkdtemp(prefix="weft-crash-", dir="/tmp")
    w = proxies = None
    done = finished = 0
    met = {}
    try:
        w = Weftd(state)
        world(w)
        proxies = scale.Proxies(f"{state}/proxies", True)
        time.sleep(2)
        running = {s: (start(w, s, "v1", "v2"), "v1", "v2") for s in SERVICES}
        begin = time.monotonic()
        while done < kills or any(running.values()):
            time.sleep(rng.uniform(0, 1.2) if rng.random() < 0.6 else rng.uniform(2, 9))
            for s in SERVICES:
                if not running[s]:
                    continue
                n, stable, new = running[s]
                r = w.ok("GET", f"/projects/shop/releases/{n}")
                if r["state"] not in ("succeeded", "warm"):
                    assert r["state"] not in ("failed", "rolled-back", "aborted", "superseded"), (r["state"], r["sentence"])
                    met[r["state"]] = met.get(r["state"], 0) + 1
                    continue
                check(w, s, n, new)
                finished += 1
                running[s] = (start(w, s, new, stable), new, stable) if done < kills else None
            if done < kills:
                w.kill()
                done += 1
            assert time.monotonic() - begin < 60 + kills * 8, f"{done} kills, {finished} releases: too slow; {running}"
        print(f"{done} kills, {finished} releases went to their end; states met: {dict(sorted(met.items()))}")
    except BaseException:
        sys.stderr.write(open(f"{state}/weftd.log").read()[-4000:])
        raise
    finally:
        for p in (proxies and proxies.process, w and w.process):
            if p:
                p.kill()
                p.wait()
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    if not os.environ.get("WEFT_SCALE_INSIDE"):
        os.environ["WEFT_SCALE_INSIDE"] = "1"
        inside = "ip link set lo up && ip route add local 198.18.0.0/16 dev lo && exec \"$0\" \"$@\""
        os.execvp("unshare", ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c", inside, sys.executable, *sys.argv])
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
