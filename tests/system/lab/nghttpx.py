"""nghttpx as a backend that speaks HTTP/2, over plain connections and, by ALPN, over TLS, in front of the origin of the same place.
Its Via tells what it was spoken to in."""
from lab.nginx import certificate
from lab.origin import PORT as ORIGIN_PORT
from lab.process import Process
from lab.wait import until

PORT, TLS_PORT = 9002, 9003


class Nghttpx:
    def __init__(self, site, backend):
        self.backend = backend
        files = certificate(site.run)
        self.process = Process(site.run, f"nghttpx-{backend.name}", backend.namespace.command(
            "nghttpx", "--conf=/dev/null", f"--frontend=0.0.0.0,{PORT};no-tls", f"--frontend=0.0.0.0,{TLS_PORT}",
            f"--backend=127.0.0.1,{ORIGIN_PORT}", "--workers=1", "--errorlog-file=/dev/stderr", f"{files}.key", f"{files}.crt"), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"nghttpx of {self.backend.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"nghttpx of {self.backend.name} ended:\n{self.process.tail()}"
        return self.backend.namespace.run("ss", "-Htln", "sport", "=", f":{TLS_PORT}").stdout.strip()
