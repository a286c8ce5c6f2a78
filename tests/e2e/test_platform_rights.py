"""Who may do what, tried with each call that exists: the table is weftd's own (openapi.json has for each call what it needs), so a call
that is added later is tried here without anybody thinking of it."""
import itertools
import re

import pytest

from weftd import Platform, manifest

ROLES = ["viewer", "developer", "releaser", "owner"]
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: spare, namespace: default}
spec: {selector: {app: spare}, ports: [{port: 80, name: http}]}
"""
# release.md, section 5, and src/project/roles.c: from which role up, outside protected environments; and whether an operator who is no
# member has it.
RIGHTS = {
    "read": ("viewer", True), "release:read": ("viewer", True), "release:start": ("developer", False), "release:promote": ("developer", False),
    "release:stop": ("developer", True), "release:approve": ("releaser", False), "traffic:write": ("developer", False),
    "config:write": ("developer", False), "policy:edit": ("owner", False), "services": ("owner", True), "members": ("owner", True),
    "tokens": ("owner", False), "project:edit": ("owner", True), "project:delete": ("owner", True),
}
SCOPE = {"read": {"read", "release:read"}, "release:start": {"release:read", "release:start"}}


class World:
    def __init__(self, p):
        self.p = p
        p.local.ok("POST", "/weft/v1/apply", manifest(SERVICES))
        owner = p.person("owner-a")
        spec = {"environments": [{"name": "test", "namespace": "default"}],
                "services": [{"name": "reviews", "namespace": "default"}],
                "members": [{"user": "owner-a", "role": "owner"}] + [{"user": f"{r}-a", "role": r} for r in ROLES if r != "owner"]}
        for r in ROLES:
            p.person(f"{r}-a")
        owner.ok("POST", "/projects", {"name": "a", "spec": spec})
        p.person("owner-b").ok("POST", "/projects", {"name": "b"})
        make = lambda who, project, scopes: p.token(who.ok("POST", f"/projects/{project}/tokens", {"name": "-".join(scopes).replace(":", ""), "scopes": scopes})["token"])
        self.callers = {
            "nobody": p.nobody,
            **{r: p.person(f"{r}-a") for r in ROLES},
            "stranger": p.person("owner-b"),
            "operator": p.person("chief", operator=True),
            "token read": make(owner, "a", ["read"]),
            "token release:start": make(owner, "a", ["release:start"]),
            "token of b": make(p.person("owner-b"), "b", ["read", "release:start", "traffic:write", "config:write"]),
        }
        self.document = p.nobody.ok("GET", "/openapi.json")

    def calls(self):
        for path, methods in self.document["paths"].items():
            for method, call in methods.items():
                yield method.upper(), path, call


@pytest.fixture(scope="module")
def world():
    with Platform() as p:
        yield World(p)


def target(path):
    """The call's own path, with things that exist where that matters for the right. What a call would do is never done: bodies are wrong, or
    the thing acted on is not there."""
    values = {"p": "a", "s": "reviews", "n": "4711", "k": "4711", "u": "nobody-of-that-name", "id": "0000", "i": "0000"}
    return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)], path)


def has(caller, right):
    """Whether the table gives the right in project a."""
    least, operators = RIGHTS[right]
    if caller in ROLES:
        return ROLES.index(caller) >= ROLES.index(least)
    if caller == "operator":
        return operators
    return caller.startswith("token ") and caller != "token of b" and right in SCOPE[caller.split(" ", 1)[1]]


def sees(caller):
    """Project a is there at all."""
    return caller not in ("nobody", "stranger", "token of b")


def expected(caller, call, in_project):
    """401, 403, 404 where the door stays shut; None where it opens."""
    need, right = call["x-need"], call.get("x-right")
    if need == "nobody":
        return None
    if caller == "nobody":
        return 401
    if in_project:
        return 404 if not sees(caller) else None if has(caller, right) else 403
    if need == "person" and caller.startswith("token"):
        return 403
    return 403 if need == "operator" and caller != "operator" else None


CALLERS = ["nobody", *ROLES, "stranger", "operator", "token read", "token release:start", "token of b"]


@pytest.mark.parametrize("caller", CALLERS)
def test_each_call(world, caller):
    wrong = []
    who = world.callers[caller]
    for method, path, call in world.calls():
        if path == "/events" or (path == "/session" and method == "DELETE"):  # a stream; and it would sign the caller out
            continue
        in_path = "{p}" in path
        for query_project in ([False, True] if call.get("x-query-project") else [False]):
            if not in_path and not query_project and call["x-need"] == "right":
                continue  # 400: ?project= is missing
            want = expected(caller, call, in_path or query_project)
            # A body that no call takes: where the right is there the call is refused for it, and nothing happens.
            body = {"no such field": 1} if "requestBody" in call else None
            if want is None and method in ("POST", "PUT", "DELETE", "PATCH") and body is None and call["x-changes"]:
                body = {"no such field": 1}  # "this call takes no body"
            a = who.call(method, target(path) + ("?project=a" if query_project else ""), body, headers={"If-Match": "*"})
            shut = a.status in (401, 403) or (a.status == 404 and a.json and a.json["code"] == "no-project")
            if (want is None and shut and path not in ("/session",)) or (want is not None and a.status != want) or a.status >= 500:
                wrong.append(f"{method} {path}{' ?project' if query_project else ''}: wanted {want or 'open'}, got {a}")
            if a.status == 403 and want == 403 and call.get("x-right") and (in_path or query_project) and not caller.startswith("token"):
                if a.json.get("right") != call["x-right"] or not a.json.get("who"):
                    wrong.append(f"{method} {path}: 403 does not say which right lacks and who has it: {a}")
    assert not wrong, "\n".join(wrong)


def test_table_is_complete(world):
    """Each right that a call names is in the table above; each call has one answer to who may."""
    calls = list(world.calls())
    assert len(calls) >= 40
    assert {c["x-right"] for _, _, c in calls if c.get("x-right")} <= set(RIGHTS)
    for method, path, call in calls:
        assert call["x-need"] in ("nobody", "any", "person", "operator", "right"), (method, path)
        assert ("{p}" in path) <= (call["x-need"] == "right"), f"{method} {path}: a call about a project needs a right in it"


def test_token_of_another_project(world):
    """Project b's token sees nothing of a, in lists neither."""
    b = world.callers["token of b"]
    assert [x["name"] for x in b.ok("GET", "/projects")["items"]] == ["b"]
    assert b.get("/projects/a").status == 404
    assert b.get("/audit?project=a").status == 404
    assert b.get("/projects/b").status == 200


def test_rights_end_at_once(world):
    """Who is taken out of a project, or disabled, is out with the next call."""
    p = world.p
    eve, owner = p.person("eve"), world.callers["owner"]
    owner.ok("PUT", "/projects/a/members/eve", {"role": "viewer"})
    assert eve.get("/projects/a").status == 200
    owner.ok("DELETE", "/projects/a/members/eve")
    assert eve.get("/projects/a").status == 404
    world.callers["operator"].ok("PATCH", "/users/eve", {"disabled": True})
    assert eve.get("/projects").status == 401
    assert p.sign_in("eve").status == 401


def test_protected_environments(world):
    """What production is stands under stricter rules: developers start and stop there, and change nothing by hand."""
    p = world.p
    spec = {"environments": [{"name": "production", "namespace": "default", "protected": True}], "services": [{"name": "spare", "namespace": "default"}],
            "members": [{"user": f"{r}-a", "role": r} for r in ROLES]}
    p.local.ok("POST", "/projects", {"name": "live", "spec": spec})
    for role, status in {"viewer": 403, "developer": 403, "releaser": 400, "owner": 400}.items():
        a = world.callers[role].put("/projects/live/services/spare/traffic", {"no such field": 1}, headers={"If-Match": "*"})
        assert a.status == status, (role, a)
    rights = {x["name"]: x for x in world.callers["developer"].ok("GET", "/session")["projects"]}["live"]
    assert "traffic:write" in rights["rights"] and "traffic:write" not in rights["protectedRights"]
    assert {"release:start", "release:stop"} <= set(rights["protectedRights"])
