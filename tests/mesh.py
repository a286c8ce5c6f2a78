"""A mesh of its own for a test: `weft up` in a temporary state directory, and the commands a person would type.

    with Mesh("examples/canary") as m:
        m.ok("get", "pods")

Everything is started, awaited by events (`weft up --detach` returns when the mesh is ready) and stopped by itself.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))
WEFT = BUILD / "weft"
# The manifests of the article that the project starts from, where they are at hand.
SEED = pathlib.Path(os.environ.get("WEFT_SEED", ROOT.parent / "shared" / "seed"))
SERVICE = "k8s-combat-service-istio-mesh"


SANITIZED = BUILD.name in ("build-asan", "build-tsan")  # as tools/test names them: memory is not what it is without
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error: ")


class Result:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


class Mesh:
    def __init__(self, *files, options=(), user=None):
        # WEFT_UP_OPTIONS: for instance --image weft/proxy=/path/to/envoy puts a real Envoy into every pod.
        self.files, self.options, self.user = files, [*options, *os.environ.get("WEFT_UP_OPTIONS", "").split()], user
        # Meshes of several tests run beside each other: each page has a port of its own, and needs no sign-in unless a test asks for it.
        if not any(str(o).startswith("--page") for o in self.options):
            self.options += ["--page", "127.0.0.1:0"]
        self.env = {**os.environ, "WEFT_OTHER_USERS": "no"}
        self.state = tempfile.mkdtemp(prefix="weft-test-", dir="/tmp")
        if user:
            shutil.chown(self.state, user)

    def weft(self, *args, stdin=None, timeout=60, env=None):
        """Runs `weft ARGS --state ...`; returns exit code and output. env: more environment variables."""
        command = [str(WEFT), *map(str, args)]
        at = command.index("--") if "--" in command else len(command)
        command[at:at] = ["--state", self.state]
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command]
        return Result(subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=timeout, cwd=ROOT, env={**self.env, **(env or {})}))

    def ok(self, *args, **kwargs):
        """As weft(), and the command must succeed; returns what it printed."""
        r = self.weft(*args, **kwargs)
        assert r.code == 0, f"weft {' '.join(map(str, args))}: {r}"
        return r.out

    def up(self):
        files = [a for f in self.files for a in ("-f", f)]
        return self.ok("up", *files, "--detach", *self.options, timeout=90)

    def api(self, method, path, body=None):
        """A call over the mesh's socket: (status, JSON)."""
        data = [] if body is None else ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        out = subprocess.run(["curl", "-s", "--max-time", "20", "--unix-socket", f"{self.state}/api.sock", "-X", method, *data, "-w", "\n%{http_code}", f"http://weft{path}"],
                             text=True, capture_output=True).stdout
        text, _, status = out.rpartition("\n")
        return int(status), json.loads(text) if text.strip() else None

    @property
    def page(self):
        """The address of the platform's page, without a slash at its end."""
        return (pathlib.Path(self.state) / "page.url").read_text().splitlines()[0].rstrip("/")

    def apply(self, text, *args):
        """Applies manifests given as text."""
        return self.ok("apply", "-f", "-", *args, stdin=text)

    def get(self, kind, *args):
        """The objects of a kind, as Kubernetes' JSON."""
        return json.loads(self.ok("get", kind, "-o", "json", *args))["items"]

    def pod(self, app):
        """The name of the first pod whose label `app` says so."""
        names = [p["metadata"]["name"] for p in self.get("pods") if p["metadata"]["labels"].get("app") == app and "deletionTimestamp" not in p["metadata"]]
        assert names, f"no pod of {app}"
        return names[0]

    def run(self, pod, *command, **kwargs):
        """A command inside a pod's namespaces; returns what it printed."""
        return self.ok("exec", pod, "--", *command, **kwargs)

    def curl(self, pod, *args):
        return self.run(pod, "curl", "-s", "--max-time", "20", *args)

    def script(self, pod, text):
        """A shell script inside a pod: many requests without a process of ours per request."""
        return self.run(pod, "sh", "-c", text, timeout=120)

    def wait(self, what, condition, seconds=20):
        """Waits until the condition returns something true, and returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.weft('get', 'pods', '-A', '-o', 'wide')}")

    def down(self):
        r = self.weft("down")
        reports = self.sanitizer_reports()
        shutil.rmtree(self.state, ignore_errors=True)
        assert not reports, reports
        return r

    def sanitizer_reports(self):
        """What a build with sanitizers complained of in any log of the mesh; "" without."""
        text = ""
        for f in sorted(pathlib.Path(self.state).glob("logs/**/*")):
            if f.is_file():
                lines = f.read_text(errors="replace").splitlines()
                at = [i for i, line in enumerate(lines) if SANITIZER.search(line)]
                if at:
                    text += f"--- {f.name}\n" + "\n".join(lines[at[0]:at[0] + 60]) + "\n"
        return text

    def logs(self):
        """What the programs of the mesh logged: shown when a test fails."""
        text = ""
        for f in sorted(pathlib.Path(self.state).glob("logs/*")):
            text += f"--- {f.name}\n" + "".join(f.read_text(errors="replace").splitlines(keepends=True)[-30:])
        return text

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            print(self.logs())
            self.down()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.logs())
        self.down()
