"""A real nginx as a backend: it answers with its name on IPv4 and IPv6, and tells its health by /health.

    /        its name             /health  200, or 503 while `sick()`
    /big     bytes of `content`   /slow    the same, sent at 256 KB a second: a transfer that lasts
    /page.html    a page with a picture of /images/ and an answer of /api/ in it, which its script asked for
    /api/…, /images/…, /pages/…   its name, the kind, the path and a number that no other answer has; pictures may be kept
    for a minute, everything else carries no Cache-Control
Each answer carries its name in X-Backend. Ports: 80 and 8080 plain, 8443 TLS with a certificate made for the run.
"""
import signal

from lab import content
from lab.namespace import run
from lab.process import Process
from lab.wait import until

BIG_SIZE = 4 << 20

CONFIGURATION = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  server {{
    listen 0.0.0.0:80 backlog=4096;    listen [::]:80 backlog=4096 ipv6only=on;
    listen 0.0.0.0:8080 backlog=4096;  listen [::]:8080 backlog=4096 ipv6only=on;
    listen 0.0.0.0:8443 ssl;           listen [::]:8443 ssl ipv6only=on;
    ssl_certificate {certificate}.crt;
    ssl_certificate_key {certificate}.key;
    add_header X-Backend {name} always;
    location /api/ {{ return 200 "{name} api $request_uri $request_id\n"; }}
    location /pages/ {{ return 200 "{name} page $request_uri $request_id\n"; }}
    location = /page.html {{
      default_type text/html;
      return 200 "<title>{name}</title><img src='/images/of-the-page'><p id='api'></p><script>
var ask = new XMLHttpRequest(); ask.open('GET', '/api/of-the-page', false); ask.send();
document.getElementById('api').textContent = ask.responseText;</script>";
    }}
    location /images/ {{
      add_header X-Backend {name} always;
      add_header Cache-Control "public, max-age=60";
      return 200 "{name} image $request_uri $request_id\n";
    }}
    location = / {{ return 200 "{name}\\n"; }}
    location = /health {{
      if (-f {folder}/sick) {{ return 503 "sick\\n"; }}
      return 200 "ok\\n";
    }}
    location = /big {{ alias {big}; }}
    location = /slow {{ alias {big}; limit_rate 256k; }}
  }}
}}
"""


def certificate(run_directory):
    """A self-signed certificate for the run's backends, made once; returns its path without the ending."""
    base = run_directory.path / "backend"
    if not base.with_suffix(".crt").exists():
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=backend.test", "-keyout", base.with_suffix(".key"), "-out", base.with_suffix(".crt")])
    return base


def big_file(run_directory):
    """The file behind /big, made once; returns its path and SHA-256."""
    path, note = run_directory.path / "big", run_directory.path / "big.sha256"
    if not note.exists():
        note.write_text(content.write(path, BIG_SIZE))
    return path, note.read_text()


class Nginx:
    def __init__(self, site, backend):
        self.backend = backend
        self.name = backend.name
        self._folder = site.run.path / f"nginx-{self.name}"
        self._folder.mkdir()
        big, self.big_sha256 = big_file(site.run)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(name=self.name, folder=self._folder, big=big,
                                                      certificate=certificate(site.run)))
        self.process = Process(site.run, f"nginx-{self.name}",
                               backend.namespace.command("nginx", "-p", self._folder, "-c", configuration), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"nginx of {self.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"nginx of {self.name} ended:\n{self.process.tail()}"
        return ":80 " in self.backend.namespace.run("ss", "-Htln", "sport", "=", ":80").stdout

    def stop(self):
        return self.process.stop()

    def kill(self):
        """kill -9 of master and workers: its connections are reset by the kernel, new ones refused."""
        self.process.kill()

    def freeze(self):
        """Stops answering without closing anything, as a machine that hangs does."""
        self._signal_workers(signal.SIGSTOP)

    def thaw(self):
        self._signal_workers(signal.SIGCONT)

    def sick(self):
        (self._folder / "sick").touch()

    def well(self):
        (self._folder / "sick").unlink()

    def _signal_workers(self, number):
        for worker in run(["pgrep", "-P", self.process.pid]).stdout.split():
            run(["kill", f"-{int(number)}", worker])
