"""TLS to upstreams: the chain, the names and the pins that are configured hold, and what does not hold is refused."""
import base64
import hashlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import threading

import pytest

import peers

TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA that signed a server (DNS svc.example, *.wild.example) and a client; and a CA that signed nobody."""
    d = tmp_path_factory.mktemp("pki")
    for ca in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", d / f"{ca}.key", "-out", d / f"{ca}.pem",
                "-subj", f"/CN={ca}", "-days", "2")
    for name, san in (("server", "DNS:svc.example,DNS:*.wild.example,IP:127.0.0.1"), ("client", "URI:spiffe://mesh/ns/a/sa/b,DNS:client.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", d / f"{name}.key", "-out", d / f"{name}.csr", "-subj", f"/O=weft/CN={name}")
        (d / "ext").write_text(f"subjectAltName={san}")
        openssl("x509", "-req", "-in", d / f"{name}.csr", "-CA", d / "ca.pem", "-CAkey", d / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", d / "ext", "-out", d / f"{name}.pem")
    return d


class Upstream:
    """An HTTPS server that answers with the server name it was asked for."""

    def __init__(self, pki):
        self.asked = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        context.sni_callback = lambda sock, name, ctx: self.asked.append(name)
        self.context, self.listener = context, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            with self.context.wrap_socket(s, server_side=True) as t:
                while t.recv(65536):
                    t.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        except OSError:
            pass


@pytest.fixture(scope="module")
def upstream(pki):
    u = Upstream(pki)
    yield u
    u.listener.close()


def upstream_tls(ca=None, **more):
    validation = {k: more.pop(k) for k in list(more) if k.startswith(("match_", "verify_"))}
    if ca:
        validation["trusted_ca"] = {"filename": str(ca)}
    return {"name": "tls", "typed_config": {"@type": TLS + "UpstreamTlsContext", "common_tls_context": {"validation_context": validation}, **more}}


def auto(**options):
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http_protocol_options": {}},
        "upstream_http_protocol_options": options}}}


def san(**match):
    return {"match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": match}]}


def pin(pki, name="server"):
    der = openssl("x509", "-in", pki / f"{name}.pem", "-outform", "der")
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=openssl("x509", "-in", pki / f"{name}.pem", "-pubkey", "-noout"), capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest(), base64.b64encode(hashlib.sha256(spki).digest()).decode()


def clusters(pki, port):
    ca, other = pki / "ca.pem", pki / "other.pem"
    hash_, spki = pin(pki)
    bad_hash, bad_spki = pin(pki, "client")
    tls = {
        "ca": upstream_tls(ca, sni="svc.example"),
        "wrong-ca": upstream_tls(other),
        "san": upstream_tls(ca, **san(exact="svc.example")),
        "san-wild": upstream_tls(ca, **san(exact="a.wild.example")),
        "wrong-san": upstream_tls(ca, **san(exact="other.example")),
        "wrong-wild": upstream_tls(ca, **san(exact="a.b.wild.example")),
        "unverified": upstream_tls(),
        "hash": upstream_tls(verify_certificate_hash=[":".join(hash_[i:i + 2] for i in range(0, 64, 2)).upper()]),
        "wrong-hash": upstream_tls(ca, verify_certificate_hash=[bad_hash]),
        "spki": upstream_tls(ca, verify_certificate_spki=[bad_spki, spki]),
        "wrong-spki": upstream_tls(verify_certificate_spki=[bad_spki]),
        "sni-san": upstream_tls(ca, sni="other.example", auto_sni_san_validation=True),
    }
    out = [peers.cluster(name, port, transport_socket=t) for name, t in tls.items()]
    out.append(peers.cluster("auto", port, transport_socket=upstream_tls(ca), **auto(auto_sni=True, auto_san_validation=True)))
    return out


@pytest.fixture(scope="module")
def proxy(pki, upstream, tmp_path_factory):
    d = tmp_path_factory.mktemp("proxy")
    port, tcp, bad_tcp, mtls, admin = peers.free_ports(5)
    cs = clusters(pki, upstream.port)
    echo = {"match": {"prefix": "/xfcc"}, "direct_response": {"status": 200}, "response_headers_to_add": [{"header": {"key": "xfcc", "value": "%REQ(x-forwarded-client-cert)%"}}]}
    http_listener = peers.listener(port, [echo] + [{"match": {"path": "/" + c["name"]}, "route": {"cluster": c["name"]}} for c in cs])
    raw = [{"name": f"tcp-{c}", "address": peers.address(p), "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": c}}]}]} for p, c in ((tcp, "san"), (bad_tcp, "wrong-ca"))]
    server = peers.listener(mtls, [echo], name="mtls", forward_client_cert_details="APPEND_FORWARD", set_current_client_cert_details={"subject": True, "uri": True, "dns": True})
    server["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": {"@type": TLS + "DownstreamTlsContext", "common_tls_context": {
        "tls_certificates": [{"certificate_chain": {"filename": str(pki / "server.pem")}, "private_key": {"filename": str(pki / "server.key")}}],
        "validation_context": {"trusted_ca": {"filename": str(pki / "ca.pem")}}}}}
    with peers.proxy(d, peers.bootstrap(admin, [http_listener, server, *raw], cs), [port, tcp, mtls]):
        yield {"http": port, "tcp": tcp, "bad_tcp": bad_tcp, "mtls": mtls}


def ask(port, path, host="svc.example", connection=http.client.HTTPConnection, **headers):
    c = connection("127.0.0.1", port, timeout=10) if connection is http.client.HTTPConnection else connection(port)
    c.request("GET", path, headers={"host": host, **{k.replace("_", "-"): v for k, v in headers.items()}})
    r = c.getresponse()
    return r.status, r.read().decode(), r


@pytest.mark.parametrize("name", ["ca", "san", "san-wild", "unverified", "hash", "spki"])
def test_accepted(proxy, name):
    assert ask(proxy["http"], "/" + name)[:2] == (200, "ok")


@pytest.mark.parametrize("name", ["wrong-ca", "wrong-san", "wrong-wild", "wrong-hash", "wrong-spki", "sni-san"])
def test_refused(proxy, name):
    status, body, _ = ask(proxy["http"], "/" + name)
    assert status == 503 and "transport failure reason: TLS_error" in body, (status, body)


def test_auto_sni_is_per_name(proxy, upstream):
    """One pool per name: a connection made for one host never carries another's requests."""
    upstream.asked.clear()
    assert ask(proxy["http"], "/auto", "svc.example:80")[0] == 200
    assert ask(proxy["http"], "/auto", "b.wild.example")[0] == 200
    status, body, _ = ask(proxy["http"], "/auto", "other.example")
    assert status == 503 and "TLS_error" in body
    assert upstream.asked == ["svc.example", "b.wild.example", "other.example"]


def test_tcp_proxy(proxy):
    with socket.create_connection(("127.0.0.1", proxy["tcp"]), timeout=10) as s:
        s.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", proxy["bad_tcp"]), timeout=10) as s:
        s.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        try:
            assert s.recv(100) == b""
        except ConnectionResetError:
            pass


def test_client_certificate_header(proxy, pki):
    assert ask(proxy["http"], "/xfcc", x_forwarded_client_cert="By=spoof")[2].getheader("xfcc") in (None, "-", "")

    def mtls(certificate):
        context = ssl.create_default_context(cafile=pki / "ca.pem")
        if certificate:
            context.load_cert_chain(pki / "client.pem", pki / "client.key")
        return lambda port: http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)

    assert ask(proxy["mtls"], "/xfcc", connection=mtls(False), x_forwarded_client_cert="By=spoof")[2].getheader("xfcc") in (None, "-", "")
    value = ask(proxy["mtls"], "/xfcc", connection=mtls(True), x_forwarded_client_cert="By=before")[2].getheader("xfcc")
    assert value == f'By=before,Hash={pin(pki, "client")[0]};Subject="CN=client,O=weft";URI=spiffe://mesh/ns/a/sa/b;DNS=client.example'


def test_refused_by_name(tmp_path, pki):
    """What is not carried out is said, not skipped."""
    for change, text in (
            ({"transport_socket": upstream_tls(**san(exact="a"))}, "needs a trusted_ca"),
            ({"transport_socket": upstream_tls(auto_sni_san_validation=True)}, "needs a trusted_ca"),
            ({"transport_socket": upstream_tls(verify_certificate_hash=["zz"])}, "no SHA-256"),
            ({"close_connections_on_host_health_failure": True}, "close_connections_on_host_health_failure"),
            ({"common_lb_config": {"zone_aware_lb_config": {}}}, "zone_aware_lb_config"),
            ({"lb_policy": "RING_HASH", "ring_hash_lb_config": {"hash_function": "MURMUR_HASH_2"}}, "MURMUR_HASH_2")):
        file = pathlib.Path(tmp_path) / "b.json"
        file.write_text(json.dumps(peers.bootstrap(peers.free_ports(1)[0], [], [peers.cluster("c", 1, **change)])))
        r = subprocess.run([peers.BUILD / "weft-proxy", "-c", file], capture_output=True, text=True, timeout=20)
        assert r.returncode != 0 and text in r.stdout + r.stderr, (change, r.stdout + r.stderr)
