"""Mistakes in manifests: each has its own message with the place, the exit code is 1, and nothing changes."""
import pytest

from mesh import Mesh, SEED

VS = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: x
spec:
  hosts: [a]
"""

CASES = {
    "unknown kind": ("apiVersion: v1\nkind: Servise\nmetadata:\n  name: x\n", ":2:7:", "Service"),
    "unknown version": ("apiVersion: networking.istio.io/v9\nkind: VirtualService\nmetadata:\n  name: x\n", ":1:13:", "v1"),
    "unknown field": (VS + "  htttp: []\n", ":7:3:", "http"),
    "wrong type": (VS + "  http: 5\n", ":7:9:", "list"),
    "bad enum": ("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: x\nspec:\n  host: a\n  trafficPolicy:\n"
                 "    loadBalancer:\n      simple: ROUND_ROBBIN\n", ":9:15:", "ROUND_ROBIN"),
    "bad duration": (VS + "  http:\n    - timeout: 5 seconds\n      route:\n        - destination: {host: a}\n", ":8:16:", "5s"),
    "bad weight": (VS + "  http:\n    - route:\n        - destination: {host: a}\n          weight: -1\n        - destination: {host: b}\n", ":10:19:", "weight"),
    "syntax": (VS + "  http: [\n", ":", "error"),
    "no name": ("apiVersion: v1\nkind: Service\nspec: {}\n", ":", "name"),
    "twice": (VS + "  http:\n    - route:\n        - destination: {host: a}\n---\n" + VS + "  http:\n    - route:\n        - destination: {host: a}\n", ":", "twice"),
    "regex": (VS + "  http:\n    - match:\n        - uri: {regex: '('}\n      route:\n        - destination: {host: a}\n", ":9:", "regex"),
    "deep": ("a: " + "[" * 80 + "]" * 80 + "\n", ":", "deep"),
    "alias bomb": ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{n}: &{n} [" + ",".join([f"*{p}"] * 10) + "]\n"
                   for p, n in zip("abcdefghi", "bcdefghij")), ":", "alias"),
    "too large": (VS + "  http:\n" + "    - route: [{destination: {host: a}}]\n" * 30000, ":", "1 MiB"),
}


@pytest.mark.parametrize("name", CASES)
def test_analyze_tells_the_place(name, tmp_path):
    text, place, word = CASES[name]
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    m = Mesh()
    r = m.weft("analyze", file)
    assert r.code == 1, r
    said = r.out + r.err
    assert f"{file}{place}" in said and word in said, said
    m.down()


def test_all_errors_of_a_file_are_shown(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(VS + "  htp: []\n  gatways: []\n")
    m = Mesh()
    said = m.weft("analyze", file)
    assert ":7:3:" in said.out + said.err and ":8:3:" in said.out + said.err
    m.down()


def test_files_over_16_mib(tmp_path):
    file = tmp_path / "big.yaml"
    file.write_text("# " + "x" * (16 << 20) + "\n")
    m = Mesh()
    r = m.weft("analyze", file)
    assert r.code == 1 and "16 MiB" in r.err
    m.down()


def test_a_file_that_is_no_text_is_told_with_the_place(canary, tmp_path):
    file = tmp_path / "bytes.yaml"
    file.write_bytes(b'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {x: "\xff"}\n')
    for command in (["analyze", file], ["apply", "-f", file], ["diff", "-f", file]):
        r = canary.weft(*command)
        assert r.code == 1 and f"{file}:5:16: error: " in r.out + r.err, r
    assert canary.weft("get", "namespace", "a").code == 1


def test_nothing_changes_when_one_of_several_is_bad(canary, tmp_path):
    before = canary.ok("get", "all", "-o", "json")
    file = tmp_path / "half.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: halfway\n---\n" + VS + "  htttp: []\n")
    r = canary.weft("apply", "-f", file)
    assert r.code == 1 and "htttp" in r.err + r.out
    assert canary.weft("get", "namespace", "halfway").code == 1
    assert canary.ok("get", "all", "-o", "json") == before


def test_a_missing_subset_is_found_and_yet_applied(canary, tmp_path):
    file = tmp_path / "subset.yaml"
    file.write_text("""apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: dangling
spec:
  hosts: [k8s-combat-service-istio-mesh.default.svc.cluster.local.example]
  http:
    - route:
        - destination: {host: k8s-combat-service-istio-mesh, subset: v9}
""")
    r = canary.weft("analyze", file)
    assert r.code == 1 and "IST0101" in r.out + r.err, r
    r = canary.weft("apply", "-f", file)
    assert r.code == 0 and "IST0101" in r.out + r.err, r
    canary.ok("delete", "-f", file)


@pytest.mark.skipif(not SEED.exists(), reason="the article's manifests are not at hand")
def test_ingress_is_accepted_with_a_warning(canary):
    r = canary.weft("apply", "-f", SEED / "ingress.yaml")
    assert r.code == 0 and "warning" in (r.out + r.err).lower() and "nginx" in r.out + r.err, r
    canary.ok("delete", "-f", SEED / "ingress.yaml")
