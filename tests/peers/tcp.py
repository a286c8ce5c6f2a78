"""Two TCP servers: 7000 greets first and repeats what it is told; 7001 tells how many bytes came, once they ended."""
import socketserver
import threading


class Greet(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello ")
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Sum(socketserver.BaseRequestHandler):
    def handle(self):
        n = 0
        while data := self.request.recv(65536):
            n += len(data)
        self.request.sendall(str(n).encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


threading.Thread(target=Server(("0.0.0.0", 7000), Greet).serve_forever, daemon=True).start()
Server(("0.0.0.0", 7001), Sum).serve_forever()
