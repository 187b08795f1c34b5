"""The proxies that are measured, each configured for the same work as its documentation advises; without logs unless they are
asked for.

Each has four ports: plain and TLS, with everything from the backend, and the same with the proxy's own cache before it.
nghttpx 1.52 and h2o 2.2 are there for HTTP/2 over TLS alone. HAProxy 2.6 (configuration manual: nbthread, cpu-map, http-reuse, pool-max-conn, cache), nginx 1.22 (keep-alive to the
backend, reuseport, no accept mutex, session cache, cache on a memory file system with open_file_cache), and cardea-l7.
"""
import shutil
import sys

from l7_place import BACKEND_PORT, HOST, PROXY_CORES
from lab.cardea import Cardea, binary

PORTS = ("plain", "plain_cached", "tls", "tls_cached")
CONNECTIONS_MAX = 8000  # within 20,000 open files, as far as some machines let root go

HAPROXY = """\
global
  nbthread {workers}
  cpu-map auto:1/1-{workers} {cores}
  maxconn {connections}
  {log_target}
  tune.ssl.cachesize 20000
  tune.listener.multi-queue on
defaults
  mode http
  {log}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
cache edge
  total-max-size 64
  max-object-size 1048576
  max-age 3600
frontend plain
  bind 127.0.0.1:{plain} {shards}
  default_backend origin
frontend tls
  bind 127.0.0.1:{tls} ssl crt {certificate}.pem alpn h2,http/1.1 {shards}
  default_backend origin
frontend plain_cached
  bind 127.0.0.1:{plain_cached} {shards}
  default_backend cached
frontend tls_cached
  bind 127.0.0.1:{tls_cached} ssl crt {certificate}.pem alpn h2,http/1.1 {shards}
  default_backend cached
backend origin
  server one 127.0.0.1:{backend} pool-max-conn 512 pool-purge-delay 60s
backend cached
  http-request cache-use edge
  http-response cache-store edge
  server one 127.0.0.1:{backend} pool-max-conn 512 pool-purge-delay 60s
"""

NGINX = """\
daemon off; user root; pid {folder}/nginx.pid; error_log stderr warn;
worker_processes {workers}; worker_cpu_affinity {affinity}; worker_rlimit_nofile 60000;
events {{ worker_connections {connections}; accept_mutex off; }}
http {{
  access_log {log}; keepalive_timeout 600s; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=edge:16m max_size=64m inactive=1h use_temp_path=off;
  open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;
  sendfile on; tcp_nopush on; tcp_nodelay on;
  ssl_certificate {certificate}.crt; ssl_certificate_key {certificate}.key;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:10m; ssl_session_timeout 1h;
  upstream origin {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
  server {{
    listen 127.0.0.1:{plain} reuseport backlog=8192; listen 127.0.0.1:{tls} ssl http2 reuseport backlog=8192;
    location / {{ proxy_pass http://origin; }}
    location /files/ {{ alias {files}/; gzip on; gzip_comp_level 5; }}
  }}
  server {{
    listen 127.0.0.1:{plain_cached} reuseport backlog=8192; listen 127.0.0.1:{tls_cached} ssl http2 reuseport backlog=8192;
    location / {{ proxy_pass http://origin; proxy_cache edge; proxy_cache_valid 200 1h; }}
  }}
}}
"""


H2O = """\
user: root
num-threads: {workers}
listen:
  host: 127.0.0.1
  port: {tls}
  ssl: {{ certificate-file: {certificate}.crt, key-file: {certificate}.key }}
http2-idle-timeout: 600
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:{backend}/
        proxy.timeout.keepalive: 60000
"""


class Proxy:
    """One of them, with so many workers. `start` returns when it serves."""

    name = ""
    kinds = PORTS   # of ports that it has
    sends_files = False
    first_port = 0  # all run at once, so that they can be measured in turns

    def __init__(self, place, workers, logged=False):
        self.place, self.workers, self.logged = place, workers, logged
        self.label = f"{self.name}-{workers}{'-logged' if logged else ''}"
        self.cores = PROXY_CORES[workers]
        self.ports = {kind: self.first_port + 10 * workers + offset for offset, kind in enumerate(PORTS) if kind in self.kinds}
        self.process = None

    def start(self):
        self.process = self._start()
        for port in self.ports.values():
            self.place.until_listens(self.process, port)
        for kind in {"plain_cached", "tls_cached"} & self.ports.keys():  # the cached object is there before it is measured
            scheme, port = "https" if kind == "tls_cached" else "http", self.ports[kind]
            self.place.client("curl", "-sSfk", "-o", "/dev/null", "--resolve", f"{HOST}:{port}:127.0.0.1",
                              f"{scheme}://{HOST}:{port}/cached")
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    @property
    def pid(self):
        return self.process.pid

    def _words(self, folder):
        return {"folder": folder, "workers": self.workers, "cores": self.cores.replace(",", " "), "backend": BACKEND_PORT,
                "certificate": self.place.certificate, "connections": CONNECTIONS_MAX, "files": self.place.files, **self.ports}


class Haproxy(Proxy):
    name = "haproxy"
    first_port = 11000

    def _start(self):
        file = self.place.folder(self.label) / "haproxy.cfg"
        shards = f"shards {self.workers}"
        logs = {"log_target": "log stdout format raw local0", "log": "log global\n  option httplog"} if self.logged else {
            "log_target": "", "log": ""}
        file.write_text(HAPROXY.format(**self._words(file.parent), shards=shards, **logs))
        return self.place.process(self.label, self.cores, "haproxy", "-db", "-f", file).start()


class Nginx(Proxy):
    name = "nginx"
    sends_files = True
    first_port = 12000

    def _start(self):
        folder = self.place.folder(self.label)
        affinity = "01" if self.workers == 1 else "01 10"
        log = f"{folder}/access.log combined buffer=64k flush=1s" if self.logged else "off"
        (folder / "nginx.conf").write_text(NGINX.format(**self._words(folder), affinity=affinity, log=log))
        return self.place.process(self.label, self.cores, "nginx", "-p", folder, "-c", folder / "nginx.conf").start()


class Nghttpx(Proxy):
    name = "nghttpx"
    kinds = ("tls",)
    first_port = 14000

    def _start(self):
        return self.place.process(
            self.label, self.cores, "nghttpx", f"--frontend=127.0.0.1,{self.ports['tls']}", f"--backend=127.0.0.1,{BACKEND_PORT}",
            f"--workers={self.workers}", "--accesslog-file=/dev/null", "--errorlog-file=/dev/null", "--no-ocsp", "--no-server-rewrite",
            "--backend-connections-per-host=512", "--frontend-http2-read-timeout=600s", "--backend-keep-alive-timeout=60s",
            f"{self.place.certificate}.key", f"{self.place.certificate}.crt").start()


class H2o(Proxy):
    name = "h2o"
    kinds = ("tls",)
    first_port = 15000

    def _start(self):
        file = self.place.folder(self.label) / "h2o.yaml"
        file.write_text(H2O.format(**self._words(file.parent)))
        return self.place.process(self.label, self.cores, "h2o", "-c", file).start()


PEERS = [Haproxy, Nginx]
HTTP2_PEERS = [Nghttpx, H2o]


class Ours(Proxy):
    """cardea-l7 with cardea-mgmt beside it, whose health checks are its own process's work."""

    name = "cardea"
    sends_files = True
    first_port = 13000

    def __init__(self, place, workers, logged=False, count_allocations=False):
        super().__init__(place, workers, logged)
        self.counting = count_allocations

    def _start(self):
        shutil.rmtree(self.place.run.state)  # a stored plan of other shards would be started first
        self.place.run.state.mkdir()
        self.cardea = Counted(self.place, self.document()) if self.counting else Cardea(self.place, self.document())
        self.cardea.start()
        self.cardea.until_backends("up")
        return self.cardea.l7

    def stop(self):
        self.cardea.stop()

    def document(self):
        certificates = [{"cert": f"{self.place.certificate}.crt", "key": f"{self.place.certificate}.key"}]
        def service(kind, port):
            route = {"name": kind, "match": {"path": "/"}, "pool": "origin", **({"cache": "edge"} if "cached" in kind else {})}
            files = {"name": "files", "match": {"path": "/files/"}, "files": {"root": str(self.place.files), "prefix": "/"}, "compress": {}}
            routes = [route] if "cached" in kind else [route, files]
            return {"name": kind, "mode": "http", "listen": [f"127.0.0.1:{port}/tcp"], "routes": routes, "idle_timeout": "600s",
                    "connections_max": CONNECTIONS_MAX, **({"tls": {"certificates": certificates}} if "tls" in kind else {})}
        return {
            "cluster": {"name": "bench", "seed": "bench"},
            "l7": {"shards": [int(core) for core in self.cores.split(",")], "transport": "kernel",
                   **({"access_log": str(self.place.folder(self.label) / "access.log")} if self.logged else {})},
            "caches": [{"name": "edge", "memory": "64MB"}],
            "pools": [{"name": "origin", "balance": "round_robin", "backends": [{"address": f"127.0.0.1:{BACKEND_PORT}"}],
                       "idle_connections": 512, "idle_timeout": "600s",
                       "health": {"type": "http", "path": "/health", "interval": "2s", "timeout": "1s"}}],
            "services": [service(kind, port) for kind, port in self.ports.items()],
            "mgmt": {"metrics": "127.0.0.1:9477"}}


class Counted(Cardea):
    """The same with a library in front of the C library's allocator that counts what cardea-l7 asks of it."""

    def _daemon(self, name, *arguments):
        process = super()._daemon(name, *arguments)
        if name == "cardea-l7":
            self.count_file = self.site.run.path / "allocations"
            self.count_file.write_bytes(bytes(8))
            program = process.argv.index(str(binary(name)))
            process.argv[program:program] = ["env", f"LD_PRELOAD={binary('libcount_allocations.so')}",
                                             f"CARDEA_ALLOCATIONS={self.count_file}"]
        return process

    def allocations(self):
        return int.from_bytes(self.count_file.read_bytes(), sys.byteorder)
