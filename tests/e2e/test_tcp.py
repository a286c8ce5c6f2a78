"""TCP services pass through: server-first protocols do not wait, half-close works in both directions."""
import pytest

from mesh import ROOT, Mesh

WORKLOADS = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: client}}
spec:
  selector: {{matchLabels: {{app: client}}}}
  template:
    metadata: {{labels: {{app: client}}}}
    spec:
      containers: [{{name: client, image: none, command: [sleep, infinity]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: tcp}}
spec:
  selector: {{app: tcp}}
  ports:
    - {{name: tcp-greet, port: 7000}}
    - {{name: tcp-sum, port: 7001}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: tcp}}
spec:
  selector: {{matchLabels: {{app: tcp}}}}
  template:
    metadata: {{labels: {{app: tcp}}}}
    spec:
      containers:
        - name: tcp
          image: none
          command: [python3, "{ROOT}/tests/peers/tcp.py"]
          readinessProbe: {{tcpSocket: {{port: 7001}}, periodSeconds: 1}}
"""


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    file = tmp_path_factory.mktemp("tcp") / "workloads.yaml"
    file.write_text(WORKLOADS)
    with Mesh(file) as mesh:
        yield mesh


def talk(m, port, text, times=1):
    """Connects, sends text, ends its direction, reads until the other side ends; with the time to the first byte."""
    return m.run(m.pod("client"), "python3", "-c", f"""
import socket, time
s = socket.create_connection(("tcp", {port}), timeout=10)
s.settimeout(10)
began = time.monotonic()
first = s.recv(100) if {port} == 7000 else b""
took = time.monotonic() - began
s.sendall({text!r}.encode() * {times}); s.shutdown(socket.SHUT_WR)
rest = b""
while True:
    d = s.recv(65536)
    if not d: break
    rest += d
print(first.decode() + rest.decode(), took < 1)
""").split()


def test_server_first(m):
    assert talk(m, 7000, "bye") == ["hello", "bye", "True"]


def test_half_close_and_a_large_body(m):
    assert talk(m, 7001, "xyz", 1000000) == ["3000000", "True"]


def test_bytes_are_counted(m):
    talk(m, 7001, "y" * 5000)
    stats = m.run(m.pod("client"), "curl", "-s", "http://127.0.0.1:15000/stats/prometheus")
    lines = [line for line in stats.splitlines() if line.startswith("istio_tcp_received_bytes_total{") and "tcp.default" in line]
    assert lines and sum(float(line.split()[-1]) for line in lines) >= 5000, stats[-2000:]
