"""The document of the REST API: valid, whole, and what the calls really answer."""
import json

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource

from weftd import Platform, manifest

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
"""


@pytest.fixture(scope="module")
def p():
    with Platform() as p:
        p.local.ok("POST", "/weft/v1/apply", manifest(SERVICES))
        yield p


@pytest.fixture(scope="module")
def document(p):
    return p.nobody.ok("GET", "/openapi.json")


def checker(document, schema):
    """References in an answer's schema are to the document's."""
    registry = Registry().with_resource("doc", Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **document}))
    text = json.dumps(schema).replace('"#/components', '"doc#/components')
    return Draft202012Validator(json.loads(text), registry=registry)


def conforms(document, path, method, answer):
    responses = document["paths"][path][method.lower()]["responses"]
    response = responses.get(str(answer.status), responses["default"])
    assert answer.status >= 400 or str(answer.status) in responses, f"{method} {path}: {answer.status} is not described"
    content = response.get("content", {})
    kind = answer.headers.get("content-type", "").split(";")[0]
    if answer.status == 204:
        assert not content
        return
    assert kind in content or "application/octet-stream" in content, f"{method} {path}: {kind} is not described"
    if kind in content and answer.json is not None:
        errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in checker(document, content[kind]["schema"]).iter_errors(answer.json)]
        assert not errors, f"{method} {path}: {errors[:5]}\n{answer}"


def test_valid(document):
    validate(document)
    ids = [c["operationId"] for m in document["paths"].values() for c in m.values()]
    assert len(ids) == len(set(ids))


def test_examples(document):
    """What the document gives as an example is what it says of it."""
    for name, schema in document["components"]["schemas"].items():
        if "example" in schema:
            checker(document, {"$ref": f"#/components/schemas/{name}"}).validate(schema["example"])


def test_reads(p, document):
    """Each GET that can be answered without a release answers as described."""
    anna = p.person("anna")
    anna.ok("POST", "/projects", {"name": "shop", "spec": {"environments": [{"name": "test", "namespace": "default"}]}})
    anna.ok("PUT", "/projects/shop/services/reviews")
    anna.ok("POST", "/projects/shop/tokens", {"name": "ci", "scopes": ["read"]})
    values = {"{p}": "shop", "{s}": "reviews", "{n}": "1", "{k}": "1", "{u}": "anna", "{i}": "1"}
    done = 0
    for path, methods in document["paths"].items():
        if "get" not in methods or path == "/events":
            continue
        target = path
        for k, v in values.items():
            target = target.replace(k, v)
        query = {"/search": "?q=re", "/candidates": "?project=shop"}.get(path, "").replace("{kind}", "")
        for who in (anna, p.local):
            a = who.get(target.replace("{kind}", "Traffic") + query)
            assert a.status < 500, f"GET {target}: {a}"
            conforms(document, path, "GET", a)
            done += a.status == 200
    assert done > 20


def test_writes(p, document):
    """The base's changing calls answer as described, errors too."""
    boss = p.person("boss", operator=True)
    calls = [
        ("POST", "/users", "/users", {"name": "carl", "password": "correct horse battery"}),
        ("POST", "/users", "/users", {"name": "carl", "password": "correct horse battery"}),
        ("PATCH", "/users/{u}", "/users/carl", {"displayName": "Carl"}),
        ("POST", "/users/{u}:password", "/users/carl:password", {"password": "staple of horses"}),
        ("POST", "/projects", "/projects", {"name": "store", "spec": {"title": "Store"}}),
        ("POST", "/projects", "/projects", {"name": "Store"}),
        ("PUT", "/projects/{p}/members/{u}", "/projects/store/members/carl", {"role": "developer"}),
        ("DELETE", "/projects/{p}/members/{u}", "/projects/store/members/carl", None),
        ("POST", "/projects/{p}:stop", "/projects/store:stop", {"reason": "fire"}),
        ("POST", "/projects/{p}:go", "/projects/store:go", {}),
        ("PUT", "/projects/{p}/guard-rails", "/projects/store/guard-rails", {"guardRails": {"maxFirstStep": 5, "minBake": "60s"}}),
        ("PUT", "/projects/{p}/guard-rails", "/projects/store/guard-rails", {"guardRails": {"maxFirstStep": 500}}),
        ("PUT", "/projects/{p}", "/projects/store", {"spec": {"members": [{"user": "boss", "role": "owner"}]}}),
        ("POST", "/projects/{p}/tokens", "/projects/store/tokens", {"name": "ci", "scopes": ["read"]}),
        ("PATCH", "/settings", "/settings", {"name": "our mesh"}),
        ("PATCH", "/settings", "/settings", {"hosts": ["no host!"]}),
        ("POST", "/session:one-time", "/session:one-time", {}),
        ("DELETE", "/projects/{p}", "/projects/store", None),
        ("DELETE", "/users/{u}", "/users/carl", None),
        ("DELETE", "/session", "/session", None),
        ("POST", "/session", "/session", {"user": "boss", "password": "correct horse battery"}),
        ("POST", "/session", "/session", {"user": "boss", "password": "wrong"}),
    ]
    for method, path, target, body in calls:
        conforms(document, path, method, boss.call(method, target, body, headers={"If-Match": "*"}))


def test_docs_page(p):
    a = p.nobody.get("/docs")
    assert a.status == 200 and "<script" not in a.text
    for path in ("/weft/v1/projects/{p}/members/{u}", "/weft/v1/audit/export"):
        assert path in a.text
    assert p.nobody.get("/docs.css").headers["content-type"].startswith("text/css")
