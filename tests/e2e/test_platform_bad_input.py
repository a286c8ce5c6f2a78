"""Every field of every body, wrong: a message at the field, and nothing changed. The bodies are those of the document's schemas, so a field that
is added later is tried here too."""
import copy

import pytest

from weftd import Platform, manifest

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
"""
WRONG = {
    "string": [7, None, ["a"], {"a": 1}, True],
    "number": ["seven", None, [7], {"a": 1}, True],
    "integer": ["seven", None, 1.5, [7], True],
    "boolean": ["true", None, 1, [True]],
    "array": ["a", None, 7, {"a": 1}],
    "object": ["a", None, 7, ["a"]],
}
@pytest.fixture(scope="module")
def p():
    with Platform() as p:
        p.local.ok("POST", "/weft/v1/apply", manifest(SERVICES))
        p.local.ok("POST", "/projects", {"name": "shop", "spec": {"environments": [{"name": "test", "namespace": "default"}],
                                                                  "services": [{"name": "reviews", "namespace": "default"}]}})
        yield p


@pytest.fixture(scope="module")
def document(p):
    return p.local.ok("GET", "/openapi.json")


def resolve(document, schema):
    if "$ref" in schema:
        return resolve(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return {**resolve(document, schema["anyOf"][0]), "nullable": True}
    return schema


def sample(document, schema, depth=0):
    """A value of the schema: as little as is allowed."""
    s = resolve(document, schema)
    if "example" in s:
        return copy.deepcopy(s["example"])
    if "enum" in s:
        return s["enum"][0]
    kind = s.get("type")
    if kind == "object":
        return {k: sample(document, s["properties"][k], depth + 1) for k in s.get("required", [])}
    return {"string": "x" * max(1, s.get("minLength", 1)), "number": s.get("minimum", 1), "integer": int(s.get("minimum", 1)), "boolean": True,
            "array": []}.get(kind, {})


def wrong_fields(document, schema, depth=0, seen=()):
    """(path, value) of everything that must be refused, down to the fields of messages."""
    s = resolve(document, schema)
    for name, field in s.get("properties", {}).items():
        f = resolve(document, field)
        kind = f.get("type")
        for v in WRONG.get(kind, []):
            if v is None and (f.get("nullable") or depth):  # null is "not there" in messages
                continue
            yield [name], v
        if kind == "object" and "properties" in f and depth < 3 and id(f["properties"]) not in seen:
            for path, v in wrong_fields(document, f, depth + 1, (*seen, id(f["properties"]))):
                yield [name, *path], v
        if kind == "array" and depth < 3:
            item = resolve(document, f["items"])
            if "properties" in item and id(item["properties"]) not in seen:
                for path, v in wrong_fields(document, item, depth + 1, (*seen, id(item["properties"]))):
                    yield [name, 0, *path], v
            else:
                for v in WRONG.get(item.get("type"), []):
                    if v is not None:
                        yield [name, 0], v
    yield ["no such field"], 1


def put(body, path, value):
    """The body with the value at the path; what is on the way is made."""
    at = body
    for i, key in enumerate(path[:-1]):
        following = [] if isinstance(path[i + 1], int) else {}
        if isinstance(at, list):
            if not at:
                at.append(following)
            at = at[0]
            continue
        if not isinstance(at.get(key), type(following)) or (following == [] and at[key] == []):
            at[key] = following
        at = at[key]
    if isinstance(at, list):
        at[:] = [value]
    else:
        at[path[-1]] = value
    return body


def pointer(path):
    return "".join(f"/{str(k).replace('~', '~0').replace('/', '~1')}" for k in path)


def state(p):
    """What must stay as it is."""
    shop = p.local.ok("GET", "/projects/shop")
    return p.local.get("/audit/export").text, shop["spec"], shop["etag"], p.local.get("/users").text, p.local.get("/settings").text


def calls(document):
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            if "requestBody" in call:
                yield method.upper(), path, call["requestBody"]["content"]["application/json"]["schema"]


def test_each_field(p, document):
    before, tried, bad = state(p), 0, []
    values = {"{p}": "shop", "{s}": "reviews", "{n}": "1", "{k}": "1", "{u}": "anna", "{i}": "1"}
    for method, path, schema in calls(document):
        target = path
        for k, v in values.items():
            target = target.replace(k, v)
        good = sample(document, schema)
        for field, value in wrong_fields(document, schema):
            body = put(copy.deepcopy(good), field, value)
            a = p.local.call(method, target, body, headers={"If-Match": "*"})
            tried += 1
            at = pointer(field)
            if a.status == 404 and "{n}" in path:
                break  # the release is not there: told first
            near = [x for x in a.pointers if x == at or at.startswith(x) or x.startswith(at)]
            if a.status not in (400, 422) or not near:
                bad.append(f"{method} {path} {at} = {value!r}: {a.status} {a.pointers or a.text[:200]}")
    assert not bad, f"{len(bad)} of {tried}:\n" + "\n".join(bad[:40])
    assert tried > 500
    assert state(p) == before, "something changed"


@pytest.mark.parametrize("raw, status", [(b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b'"x"', 400), (b'{"name":"a"}{}', 400),
                                         (b'{"name":"a","name":"b"}', 400), (b"\xff\xfe{}", 400), (b'{"name":"' + b"x" * 5000 + b'"}', 400),
                                         (b"[" * 100000, 400), (b'{"a":' * 100 + b"1" + b"}" * 100, 400)])
def test_bodies_that_are_none(p, raw, status):
    before = state(p)
    a = p.local.call("POST", "/weft/v1/projects", raw=raw)
    assert a.status == status and a.json["code"], a
    assert state(p) == before


def test_too_large_and_wrong_type(p):
    anna = p.person("anna2")
    try:
        a = anna.call("POST", "/weft/v1/projects", raw=b'{"name":"' + b"x" * (3 << 20) + b'"}')
        assert a.status == 413
    except OSError:
        pass  # told, and the connection ended while the body was still on its way
    assert anna.post("/projects", {"name": "a"}, headers={"Content-Type": "text/plain"}).status == 415
    assert anna.get("/projects?limit=1001").status == 400
    assert anna.get("/projects?limit=x").status == 400
    assert anna.get("/projects?nonsense=1").status == 400


@pytest.mark.parametrize("name", ["", "Shop", "a b", "-a", "a-", "x" * 64, "../etc", "a/b", "é", "a\n"])
def test_names(p, name):
    before = p.local.get("/projects").text
    a = p.local.post("/projects", {"name": name})
    assert a.status in (400, 422) and a.json["errors"], a
    assert p.local.get("/projects").text == before


def test_ownership(p):
    """Two projects cannot have one service; the owner is named."""
    p.local.ok("POST", "/projects", {"name": "other", "spec": {"environments": [{"name": "test", "namespace": "default"}]}})
    a = p.local.put("/projects/other/services/reviews.default")
    assert a.status == 409 and a.json["owner"] == "shop" and "shop" in a.json["detail"], a
    spec = p.local.ok("GET", "/projects/other")["spec"]
    a = p.local.put("/projects/other", {"spec": {**spec, "services": [{"name": "reviews", "namespace": "default"}]}}, headers={"If-Match": "*"})
    assert a.status == 409 and a.json["owner"] == "shop" and a.pointers == ["/spec/services/0"]
    assert p.local.get("/projects/other").json["spec"] == spec
    assert [c["id"] for c in p.local.ok("GET", "/candidates?project=other")["items"]] == []
