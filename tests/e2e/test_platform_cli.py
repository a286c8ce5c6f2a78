"""The release platform from the command line: what a person types and what scripts rely on, against a real mesh with traffic flowing."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from mesh import Mesh, ROOT, SANITIZED, SERVICE, WEFT

# New pods count from the start: the meshes of these tests are seconds old.
RELEASE = """
apiVersion: weft.dev/v1alpha1
kind: Release
metadata: {{name: from-a-file}}
spec:
  service: {service}
  to: {to}
  analysis: {{warmUp: 1s}}
  steps:
    - {{match: [{{match: [{{header: x-canary, exact: "true"}}]}}], weight: 0, bake: 1s}}
    - {{weight: 50, bake: {bake}}}
    - {{weight: 100, bake: 1s}}
"""


@pytest.fixture(scope="module")
def demo():
    with Mesh("examples/canary", "examples/demo") as m:
        m.wait("requests flow", lambda: (service(m)["requests"] or 0) > 1)
        yield m


@pytest.fixture
def quiet(demo):
    """The demo with nothing ordered and no release under way, before and after."""
    calm(demo)
    yield demo
    calm(demo)


def calm(m):
    for r in json.loads(m.ok("release", "list", "-o", "json")):
        if r["state"] != "warm":
            m.weft("release", "abort", f"{r['project']}#{r['n']}", "--yes", "--wait", "--timeout", "20s")
    m.weft("traffic", "clear", "--yes")  # exit 1 where nothing is ordered
    assert json.loads(m.ok("traffic", "get", "-o", "json")) == {}


def service(m):
    return m.api("GET", f"/weft/v1/projects/k8s-combat/services/{SERVICE}")[1]


def begin(m, to, bake, *options):
    return m.weft("release", "start", "-f", "-", *options, stdin=RELEASE.format(service=SERVICE, to=to, bake=bake), timeout=120)


# ---- looking ----

def test_the_demo_is_a_project(demo):
    assert "k8s-combat" in demo.ok("project", "list")
    out = demo.ok("project", "get")
    assert SERVICE in out and "local (owner)" in out
    assert demo.ok("project", "list", "-o", "name").split() == ["k8s-combat"]
    assert json.loads(demo.ok("project", "get", "k8s-combat", "-o", "json"))["name"] == "k8s-combat"
    out = demo.ok("traffic", "get")
    assert "v1 answers all requests" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("v") and "/" in line] == ["v1", "v2", "v3"]


@pytest.mark.parametrize("args, code, says", [
    (["release", "promte"], 2, 'did you mean "release promote"?'),
    (["traffic", "splt"], 2, 'did you mean "traffic split"?'),
    (["release"], 2, "weft release start"),
    (["traffic", "split", SERVICE, "v1=90", "v2=10", "--reson", "x"], 2, "did you mean --reason?"),
    (["traffic", "split", SERVICE, "v1=90", "v2=20"], 2, "sum to 110"),
    (["traffic", "split", SERVICE, "v9=20"], 2, "there are: v1, v2, v3"),
    (["traffic", "rule", SERVICE, "--to", "v2"], 2, "does not say for whom"),
    (["traffic", "timeout", SERVICE, "soon"], 2, "is not a time"),
    (["traffic", "get", "k8s-combat-servce-istio-mesh"], 1, "did you mean k8s-combat-service-istio-mesh?"),
    (["traffic", "get", SERVICE, "-o", "xml"], 2, "there are table, json, yaml and name"),
    (["traffic", "get", SERVICE, "-p", "nobody"], 1, "nobody"),
    (["release", "get", "k8s-combat#999"], 1, "error: "),
    (["release", "start", SERVICE], 2, "--to VERSION is missing"),
    (["release", "start", SERVICE, "--to", "v9"], 1, "v9"),
    (["release", "start", SERVICE, "--to", "v2", "--steps", "50,10"], 2, "weights grow"),
    (["traffic", "clear", SERVICE], 2, "--yes"),
    (["project", "members", "k8s-combat", "anna=boss"], 1, "role"),
    (["token", "create", "ci"], 2, "--scope"),
])
def test_mistakes(demo, args, code, says):
    before = demo.ok("traffic", "get", "-o", "json")
    r = demo.weft(*args, stdin="")
    assert r.code == code and says in r.err, r
    assert demo.ok("traffic", "get", "-o", "json") == before


def test_a_wrong_field_is_named(quiet):
    r = quiet.weft("traffic", "set", "-f", "-", stdin="split: {v1: 50, v2: 60}\ntimeut: 5s\n")
    assert r.code == 1 and "timeut" in r.err and "did you mean timeout?" in r.err, r
    r = quiet.weft("traffic", "preview", "-f", "-", stdin="split: {v1: 50, v2: 60}\n")
    assert r.code == 1 and "split" in r.err and "110" in r.err, r


# ---- traffic ----

def test_split_and_undo_in_under_a_second(quiet):
    out = quiet.ok("traffic", "split", "v2=10", "--dry-run")
    assert "+     v2: 10" in out and "Nothing was changed" in out
    assert json.loads(quiet.ok("traffic", "get", "-o", "json")) == {}
    out = quiet.ok("traffic", "split", "v2=30", "--reason", "a first look")
    assert re.search(r"\n(\d+) of \1 proxies acknowledged in \d+ ms", out), out
    assert json.loads(quiet.ok("traffic", "get", "-o", "json"))["split"] == {"v1": 70, "v2": 30}
    assert "pinned by VirtualService default/k8s-combat-service-vs, route v2: header version: 200 -> v2" in quiet.ok("traffic", "get")
    began = time.monotonic()
    out = quiet.ok("undo")
    took = time.monotonic() - began
    assert "proxies acknowledged" in out
    assert json.loads(quiet.ok("traffic", "get", "-o", "json")) == {}
    assert took < (5 if SANITIZED else 1), took
    history = json.loads(quiet.ok("traffic", "history", "-o", "json"))
    split = next(h for h in history if h["reason"] == "a first look")
    assert split["undone"] and split["via"] == "cli" and split["actor"] == "local"
    quiet.ok("traffic", "restore", str(split["k"]))
    assert json.loads(quiet.ok("traffic", "get", "-o", "json"))["split"] == {"v1": 70, "v2": 30}


def test_one_thing_each(quiet):
    for args in (["rule", "--header", "version=300", "--to", "v2"], ["rule", "--name", "users", "--users", "5", "--by", "header:x-user-id", "--to", "v2", "--first"],
                 ["timeout", "5s"], ["retries", "2", "--per-try", "1s", "--on", "connect-failure,503"],
                 ["fault", "--percent", "1", "--delay", "10ms", "--for", "1m"], ["mirror", "v2", "--percent", "20"], ["sticky", "header:x-user-id"]):
        quiet.ok("traffic", *args)
    spec = json.loads(quiet.ok("traffic", "get", "-o", "json"))
    assert [r["name"] for r in spec["rules"]] == ["users", "version-300"]
    assert spec["timeout"] == "5s" and spec["retries"]["attempts"] == 2 and spec["retries"]["on"] == ["connect-failure", "503"]
    assert spec["faults"][0]["delay"] == "0.010s" and spec["mirror"] == {"to": "v2", "percent": 20} and spec["sticky"] == {"header": "x-user-id"}
    yaml = quiet.ok("traffic", "get", "-o", "yaml")
    quiet.ok("traffic", "clear", "--yes")
    quiet.ok("traffic", "set", "-f", "-", stdin=yaml)  # what was printed can be given back
    assert json.loads(quiet.ok("traffic", "get", "-o", "json")) == spec
    for args in (["rule", "--off", "users"], ["rule", "--remove", "version-300"], ["timeout", "off"], ["retries", "off"], ["fault", "off"], ["mirror", "off"], ["sticky", "off"]):
        quiet.ok("traffic", *args)
    spec = json.loads(quiet.ok("traffic", "get", "-o", "json"))
    assert [(r["name"], r["off"]) for r in spec["rules"]] == [("users", True)]
    assert not {"timeout", "retries", "faults", "mirror", "sticky"} & set(spec)


# ---- releases ----

def test_a_good_version_is_released_and_rolled_back(quiet):
    out = quiet.ok("release", "plan", "--to", "v2", "--strategy", "gray")
    assert "25 %" in out and "x-canary" in out
    r = begin(quiet, "v2", "3s", "--wait", "--timeout", "90s", "--reason", "it is time")
    assert r.code == 0, r
    lines = r.out.splitlines()
    assert any("step 2 of 3" in line for line in lines) and "v2 takes all requests" in lines[-1], r.out
    release = json.loads(quiet.ok("release", "get", "-o", "json"))
    ref = f"k8s-combat#{release['n']}"
    assert release["state"] in ("warm", "succeeded")
    assert ref in quiet.ok("release", "history") and "to: v2" in quiet.ok("release", "yaml", ref)
    assert quiet.weft("release", "status", ref, "--timeout", "5s").code == 0
    assert quiet.weft("release", "promote", ref).code == 1  # it is over
    r = quiet.weft("release", "rollback", ref, "--wait", "--timeout", "30s")
    assert r.code == 3, r  # what it waited for is the old version
    assert "v1 answers" in quiet.ok("traffic", "get")


def test_a_bad_version_is_taken_back_by_itself(quiet):
    r = begin(quiet, "v3", "10m", "--wait", "--timeout", "100s")
    assert r.code == 3, r
    assert re.search(r"v3 fails [\d.]+ points more often than v1, between", r.out), r.out
    out = quiet.ok("release", "explain")
    assert "errors: harm" in out and "weft release retry" in out, out
    assert quiet.weft("release", "get", "-w").code == 3


def test_a_release_under_way(quiet):
    assert begin(quiet, "v2", "10m").code == 0
    release = json.loads(quiet.ok("release", "get", "-o", "json"))
    ref = f"k8s-combat#{release['n']}"
    assert ref in quiet.ok("release", "list")
    quiet.wait("step 2", lambda: json.loads(quiet.ok("release", "get", ref, "-o", "json"))["step"] == 1)
    r = quiet.weft("release", "status", ref, "--timeout", "1s")
    assert r.code == 4 and "has not ended" in r.err, r
    r = quiet.weft("undo")
    assert r.code == 1 and f"weft release rollback {ref}" in r.err, r
    r = quiet.weft("release", "promote", ref, "--if-step", "1")
    assert r.code == 1, r  # it stands at step 2
    watching = subprocess.Popen([str(WEFT), "release", "get", ref, "-w", "--state", quiet.state], stdout=subprocess.PIPE, text=True, env=quiet.env)
    assert any("step 2 of 3" in line for line in iter(watching.stdout.readline, ""))
    assert "[paused]" in quiet.ok("release", "pause", ref, "--reason", "lunch") or "paused" in quiet.ok("release", "get", ref)
    quiet.ok("release", "resume", ref)
    quiet.ok("release", "note", ref, "looks fine")
    assert "looks fine" in quiet.ok("release", "get", ref)
    assert quiet.weft("release", "abort", ref, stdin="").code == 2  # it asks first
    r = quiet.weft("release", "abort", ref, "--yes", "--wait", "--timeout", "30s")
    assert r.code == 3, r
    out, _ = watching.communicate(timeout=30)
    assert watching.returncode == 3 and "paused: Paused by local" in out and "aborted" in out, out


def test_approval_by_somebody_else(quiet):
    r = quiet.weft("release", "start", "--to", "v2", "--steps", "10,50,100", "--bake", "1s", "--approval-from", "50")
    assert r.code == 0, r
    quiet.wait("an approval is wanted", lambda: json.loads(quiet.ok("approvals", "-o", "json")), seconds=40)
    assert "somebody else has to approve it" in quiet.ok("approvals")
    assert quiet.weft("release", "approve").code == 5  # one's own
    assert "step 2 of 3" in quiet.ok("release", "approve", "--reason", "looks good", env={"WEFT_ACTOR": "anna"})
    assert "anna" in quiet.ok("release", "get")


def test_refused_by_a_guard_rail_is_exit_5(quiet):
    quiet.ok("project", "guard-rails", "--max-first-step", "5")
    try:
        assert "first step at most" in quiet.ok("project", "guard-rails")
        r = quiet.weft("release", "plan", "--to", "v2", "--steps", "50,100", "--bake", "1m")
        assert r.code == 5 or "5 %" in r.out + r.err, r
        r = quiet.weft("release", "start", "--to", "v2", "--steps", "50,100", "--bake", "1m")
        assert r.code == 5 and "5 %" in r.err, r
        r = quiet.weft("traffic", "split", "v2=50")
        assert r.code == 5 and "at most 5 points" in r.err, r
    finally:
        quiet.ok("project", "guard-rails", "--max-first-step", "off")


# ---- people, tokens, record ----

def test_a_token_acts_in_its_project_only(quiet):
    token = quiet.ok("token", "create", "ci", "--scope", "read", "--expires", "1h").strip()
    assert token.startswith("weft_") and "ci" in quiet.ok("token", "list")
    env = {"WEFT_TOKEN": token}
    assert quiet.weft("traffic", "get", "-p", "k8s-combat", env=env).code == 0
    r = quiet.weft("traffic", "split", "v2=10", "-p", "k8s-combat", env=env)
    assert r.code == 5 and "traffic:write" in r.err, r
    far = {**env, "WEFT_SERVER": quiet.page, "WEFT_PROJECT": "k8s-combat"}  # from another machine: through the page's door
    assert "v1 answers all" in quiet.ok("traffic", "get", SERVICE, env=far)
    assert quiet.weft("get", "pods", env=far).code == 2
    assert quiet.weft("user", "add", "eve", "--password-stdin", env=env, stdin="correct horse battery\n").code == 5
    one = json.loads(quiet.ok("token", "list", "-o", "json"))[0]["id"]
    quiet.ok("token", "revoke", one)
    assert quiet.weft("traffic", "get", "-p", "k8s-combat", env=env).code == 5
    assert token not in quiet.ok("audit", "export")


def test_audit_is_a_chain(quiet, tmp_path):
    quiet.ok("traffic", "split", "v2=5", "--reason", "for the record", env={"WEFT_ACTOR": "anna"})
    assert "anna" in quiet.ok("audit", "--limit", "5") and "for the record" in quiet.ok("audit")
    assert "each as it was written" in quiet.ok("audit", "verify")
    lines = quiet.ok("audit", "export").splitlines()
    for change in ("for the record", None):  # a word in an entry; an entry taken out
        bad = [line.replace(change, "for the rekord") for line in lines] if change else lines[:1] + lines[2:]
        file = tmp_path / "audit.jsonl"
        file.write_text("\n".join(bad) + "\n")
        r = quiet.weft("audit", "verify", file)
        assert r.code == 1 and "line" in r.err, r
    (tmp_path / "audit.jsonl").write_text("\n".join(lines) + "\n")
    assert quiet.weft("audit", "verify", tmp_path / "audit.jsonl").code == 0


def test_completion_knows_both_words():
    m = Mesh()
    script = m.ok("completion", "bash")
    words = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(weft release pro); COMP_CWORD=2; _weft; echo \"${COMPREPLY[@]}\""], text=True, capture_output=True)
    assert words.stdout.split() == ["promote"], words
    m.down()


# ---- the page's door, backup ----

def get(url, data=None):
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as r:
            return r.status, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def test_the_page_outlives_weftd(demo):
    assert demo.ok("open", "--print").strip() == demo.page + "/"
    assert get(demo.page + "/weft/v1/session")[0] == 200
    pid = int(subprocess.check_output(["pgrep", "-f", f"weftd --state {demo.state}"], text=True).split()[0])
    os.kill(pid, signal.SIGKILL)
    assert get(demo.page + "/weft/v1/session")[0] == 200  # waits in the socket that weft up holds
    assert demo.ok("project", "list", "-o", "name").split() == ["k8s-combat"]


def test_other_users_get_an_address_with_a_token():
    m = Mesh("examples/canary")
    m.env["WEFT_OTHER_USERS"] = "yes"
    try:
        out = m.up()
        assert get(m.page + "/weft/v1/session")[0] == 401
        url = next(line.strip() for line in out.splitlines() if line.strip().startswith("http://"))
        token = re.search(r"[=]([A-Za-z0-9_-]{16,})$", url)
        assert token, url
        sign_in = lambda: get(m.page + "/weft/v1/session", json.dumps({"oneTime": token.group(1)}).encode())[0]
        assert sign_in() == 200
        assert sign_in() == 401  # once
        assert m.ok("open", "--print").strip() != url
    finally:
        m.down()


def test_backup_and_restore(tmp_path):
    file, db = tmp_path / "weft.db", Mesh("examples/canary", "examples/demo")
    with db as m:
        m.ok("traffic", "split", "v2=20", "--reason", "kept")
        assert "MiB" in m.ok("backup", file)
        assert oct(file.stat().st_mode)[-3:] == "600"
        assert m.weft("backup", file, stdin="").code == 2  # it asks before it writes over something
        assert m.weft("restore", file, "--yes").code == 1  # not while the mesh runs
    other = Mesh()
    try:
        r = other.weft("restore", ROOT / "README.md")
        assert r.code == 1 and r.err.startswith("error: "), r
        other.ok("restore", file)
        other.up()
        assert json.loads(other.ok("traffic", "get", "-o", "json"))["split"] == {"v1": 80, "v2": 20}
        assert "kept" in other.ok("traffic", "history")
        assert "each as it was written" in other.ok("audit", "verify")
    finally:
        other.down()
