"""Where the L7 bench runs: a network namespace with nothing but loopback, a run directory of the lab's, one certificate.

The proxies have core 0 (two workers: both cores), load and backend the other one. CPU time is what the scheduler gave a
process's threads, in nanoseconds.
"""
import itertools
import os
import pathlib
import shutil
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/system"))

from lab.namespace import Namespace, run  # noqa: E402 (the lab is found by the line above)
from lab.process import Process  # noqa: E402
from lab.run_dir import RunDir, sweep_dead  # noqa: E402
from lab.wait import until  # noqa: E402

HOST = "bench.example"
PROXY_CORES = {1: "0", 2: "0,1"}
LOAD_CORE = "1" if os.cpu_count() > 1 else "0"
BACKEND_PORT = 9000
BODY = 1024
PAGES = {"4k.html": 4 * 1024, "100k.html": 100 * 1024}
FILES = {"1k.bin": 1024, "100k.bin": 100 * 1024, "10m.bin": 10 << 20}

BACKEND = """\
daemon off; user root; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1; worker_rlimit_nofile 60000;
events {{ worker_connections 20000; accept_mutex off; }}
http {{
  access_log off; keepalive_timeout 3600s; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{ return 200 "{body}"; }}
    location /cached {{ add_header Cache-Control "max-age=3600"; return 200 "{body}"; }}
    location /health {{ return 200 "ok"; }}
  }}
}}
"""


def page(size):
    """HTML such as lists of a shop are: markup that comes again, names and prices that do not."""
    lines = (f'<li class="item"><a href="/p/{n * 7919 % 99991}">Item {n}</a> <span class="price">{n * n % 9973}.99</span></li>\n'
             for n in itertools.count())
    text = ""
    while len(text) < size:
        text += next(lines)
    return text[:size]


class Place:
    """Use as a context manager: everything is gone at the end."""

    kept = False

    def __enter__(self):
        sweep_dead()
        self.run = RunDir.create()
        self.lb = Namespace(f"{self.run.prefix}-lb")
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="cardea-bench-", dir="/var/tmp"))  # on a disk, as sites are
        try:
            self.lb.create()
            # Thousands of connections a second come from one address: ports are many, and free again at once.
            self.lb.sysctl({"net.ipv4.ip_local_port_range": "20000 65000", "net.ipv4.tcp_tw_reuse": 1,
                            "net.core.somaxconn": 8192, "net.ipv4.tcp_max_syn_backlog": 8192})
            self.files.chmod(0o755)
            for name, size in FILES.items():
                (self.files / name).write_bytes(os.urandom(size))
            for name, size in PAGES.items():
                (self.files / name).write_text(page(size))
            self.certificate = self.run.path / "bench"
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                 "-keyout", f"{self.certificate}.key", "-out", f"{self.certificate}.crt"])
            pem = pathlib.Path(f"{self.certificate}.crt").read_text() + pathlib.Path(f"{self.certificate}.key").read_text()
            pathlib.Path(f"{self.certificate}.pem").write_text(pem)
            self._start_backend()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.run.clear()
        shutil.rmtree(self.files)

    def folder(self, name):
        path = self.run.path / name
        path.mkdir(exist_ok=True)
        return path

    def process(self, name, cores, *argv, env=None):
        return Process(self.run, name, ["taskset", "-c", cores, *self.lb.command(*argv)], env=env)

    def client(self, *argv, timeout=60):
        """A program on the load's core, to its end; what it printed."""
        return self.process_output(LOAD_CORE, *argv, timeout=timeout)

    def process_output(self, cores, *argv, timeout=60):
        return run(["taskset", "-c", cores, *self.lb.command(*argv)], timeout=timeout).stdout

    def until_listens(self, process, port):
        def listens():
            assert process.alive(), f"{process.name} ended:\n{process.tail()}"
            return self.lb.run("ss", "-Htln", "sport", "=", f":{port}").stdout.strip()
        until(listens, 20, f"{process.name} listens on {port}", pause=0.05)

    def _start_backend(self):
        folder = self.folder("backend")
        (folder / "nginx.conf").write_text(BACKEND.format(folder=folder, port=BACKEND_PORT, body="x" * BODY))
        backend = self.process("backend", LOAD_CORE, "nginx", "-p", folder, "-c", folder / "nginx.conf").start()
        self.until_listens(backend, BACKEND_PORT)


def family(pid):
    """A process and its descendants."""
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        children += (task / "children").read_text().split()
    return [pid, *(found for child in children for found in family(int(child)))]


def cpu_seconds(pid):
    """CPU time of the process and its descendants, of every thread, so far."""
    total = 0
    for member in family(pid):
        for task in pathlib.Path(f"/proc/{member}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def anonymous_bytes(pid):
    """Memory of the process and its descendants that is theirs alone: heap, stacks, buffers."""
    total = 0
    for member in family(pid):
        for row in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if row.startswith(("Private_Dirty:", "Private_Hugetlb:")):
                total += int(row.split()[1]) * 1024
    return total
