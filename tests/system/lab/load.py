"""Real clients: connections from the client's namespace to a service, counted by who answered.

Run as a program it opens kernel sockets with asyncio and prints one JSON object; `Load` runs that program in a namespace.
    connect  N connections, one request each: how they spread, and what failed
    hold     N keep-alive connections asking until told to stop: does the backend ever change, are the bytes exact
    probe    one new connection every few milliseconds: a time line of who answered, for outages
    udp      N datagrams from N ports (or from one): who answered, with which source
All are bounded in number and in time. SIGTERM ends `hold` and `probe` early, with their result.
"""
import argparse
import asyncio
import collections
import errno
import hashlib
import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import time

from lab.namespace import CommandFailed
from lab.process import Process
from lab.wait import until

EXAMPLES_MAX = 20  # failures told in full; the rest is counted


class Load:
    """One client program, running or finished. Times in its result are seconds since the epoch."""

    def __init__(self, site, name, *arguments, namespace=None):
        self.output = site.run.path / f"load-{name}.json"
        self.process = Process(site.run, f"load-{name}", (namespace or site.client).command(
            sys.executable, "-m", "lab.load", "--output", self.output, *arguments))

    def start(self):
        started = self.output.with_suffix(".started")
        for old in (self.output, started):
            old.unlink(missing_ok=True)
        self.process.start()
        until(lambda: started.exists() or not self.process.alive(), 20, f"{self.process.name} listens to signals")
        return self

    def finish(self, seconds=60):
        """Waits for its own end."""
        code = self.process.wait(seconds)
        if code != 0 or not self.output.exists():
            raise CommandFailed(f"{self.process.name} ended with {code}:\n{self.process.tail()}")
        return json.loads(self.output.read_text())

    def stop(self):
        """Ends it early; what is under way is finished first."""
        assert self.process.alive(), f"{self.process.name} ended by itself:\n{self.process.tail()}"
        self.process.signal(signal.SIGTERM)
        return self.finish(30)


class Failures:
    def __init__(self):
        self.total = 0
        self.kinds = collections.Counter()
        self.examples = []

    def add(self, reason, **where):
        self.total += 1
        self.kinds[reason] += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append({"at": time.time(), "why": reason, **where})

    def result(self):
        return {"failed": self.total, "failures": dict(self.kinds), "examples": self.examples}


class Connection:
    """One HTTP/1.1 connection; an answer is (backend, body's length, body's SHA-256)."""

    @classmethod
    async def open(cls, options, local_port=0):
        address, timeout = options.address, options.timeout
        local = ("::" if ":" in address else "0.0.0.0", local_port) if local_port else None
        self = cls()
        self.reader, self.writer = await asyncio.wait_for(self._dial(options, local), timeout)
        self.timeout = timeout
        self.local_port = self.writer.get_extra_info("sockname")[1]
        if options.receive_buffer:  # before anything large is asked for: the window grows no further
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
        self.host = options.server_name or (f"[{address}]" if ":" in address else address)
        return self

    async def _dial(self, options, local):
        while True:
            try:
                return await self._dial_once(options, local)
            except OSError as error:  # the port's last owner still waits for the acknowledgement of its end
                if not local or error.errno != errno.EADDRINUSE:
                    raise
            await asyncio.sleep(0.05)

    async def _dial_once(self, options, local):
        dialled = socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET)
        try:
            dialled.setblocking(False)
            if local:
                dialled.bind(local)
            await asyncio.get_running_loop().sock_connect(dialled, (options.address, options.port))
            self.syns_again = sent_again(dialled)
            return await asyncio.open_connection(sock=dialled, ssl=options.tls,
                                                 server_hostname=options.server_name if options.tls else None)
        except BaseException:
            dialled.close()
            raise

    async def get(self, path, close=False):
        return await asyncio.wait_for(self._exchange(path, close), self.timeout)

    async def _exchange(self, path, close):
        ending = "Connection: close\r\n" if close else ""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{ending}\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        if not head[0].startswith("HTTP/1.1 200"):
            raise ConnectionError(f"answer {head[0]}")
        left, digest = int(fields["content-length"]), hashlib.sha256()
        length = left
        while left:
            block = await self.reader.read(min(left, 1 << 16))
            if not block:
                raise ConnectionError("closed in the middle of a body")
            digest.update(block)
            left -= len(block)
        self.last = fields.get("connection") == "close"
        if close:
            await self.reader.read()  # the server closes first, so that the port is free again at once
        return fields["x-backend"], length, digest.hexdigest()

    def close(self):
        self.writer.close()


def sent_again(connected):
    """How many segments this socket's kernel has sent once more: tcpi_total_retrans of its struct tcp_info."""
    return int.from_bytes(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[100:], sys.byteorder)


def reason(error):
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return "timed out"
    if isinstance(error, asyncio.IncompleteReadError):
        return "closed before an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason}"
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error) or type(error).__name__


ERRORS = (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, KeyError, ValueError)


async def connect(options, stop):
    failures, backends = Failures(), collections.Counter()
    ports = {}
    left = iter(range(options.connections))

    async def worker():
        for number in left:
            if stop.is_set():
                return
            local_port = options.local_port + number if options.local_port else 0
            try:
                connection = await Connection.open(options, local_port)
                backend, _, _ = await connection.get(options.path, close=True)
                connection.close()
                backends[backend] += 1
                if options.list_ports:
                    ports[connection.local_port] = backend
            except ERRORS as error:
                failures.add(reason(error))

    await asyncio.gather(*(worker() for _ in range(options.concurrency)))
    return {"connections": options.connections, "backends": dict(backends), "ports": ports, **failures.result()}


async def hold(options, stop):
    failures, backends = Failures(), collections.Counter()
    requests, received, corrupt, moved, reopened, done = 0, 0, 0, 0, 0, []

    async def client():
        nonlocal requests, received, corrupt, moved, reopened
        try:
            connection = await Connection.open(options)
        except ERRORS as error:
            return failures.add("connect: " + reason(error))
        first, answers = None, 0
        try:
            first, _, _ = await connection.get("/")  # who it is, before anything large is on its way
            while not stop.is_set():
                backend, length, digest = await connection.get(options.path)
                requests, received, answers = requests + 1, received + length, answers + 1
                corrupt += bool(options.sha256) and digest != options.sha256
                moved += backend != first
                if options.reopen and connection.last:
                    connection.close()
                    connection, reopened = await Connection.open(options), reopened + 1
                if options.pause:
                    await first_of(stop, options.pause)
        except ERRORS as error:
            failures.add(reason(error), port=connection.local_port, backend=first, after_requests=answers)
        finally:
            backends[first] += 1
            done.append({"port": connection.local_port, "backend": first, "requests": answers})
            connection.close()

    tasks = []
    for _ in range(options.connections):
        tasks.append(asyncio.create_task(client()))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return {"connections": options.connections, "requests": requests, "bytes": received, "corrupt": corrupt, "moved": moved, "reopened": reopened,
            "backends": {str(k): v for k, v in backends.items()}, "clients": done, **failures.result()}


async def probe(options, stop):
    line = []

    async def once():
        started = time.time()
        try:
            connection = await Connection.open(options)
            backend, _, _ = await connection.get(options.path, close=True)
            connection.close()
            line.append({"at": started, "took": time.time() - started, "backend": backend,
                         "syns_again": connection.syns_again})
        except ERRORS as error:
            line.append({"at": started, "took": time.time() - started, "error": reason(error)})

    tasks = set()
    while not stop.is_set():
        task = asyncio.create_task(once())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await first_of(stop, options.every)
    if tasks:
        await asyncio.wait(tasks)
    return {"line": sorted(line, key=lambda entry: entry["at"])}


class UdpClient(asyncio.DatagramProtocol):
    def __init__(self):
        self.answers = asyncio.Queue()

    def datagram_received(self, data, source):
        self.answers.put_nowait((data.decode(), source))

    def error_received(self, error):
        self.answers.put_nowait((error, None))


async def udp(options, stop):
    failures, backends, sources = Failures(), collections.Counter(), set()
    left = iter(range(options.datagrams))
    wildcard = "::" if ":" in options.address else "0.0.0.0"

    async def worker():
        transport = protocol = None
        for number in left:
            if stop.is_set():
                return
            if transport is None or not options.same_port:
                if transport:
                    transport.close()
                transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                    UdpClient, remote_addr=(options.address, options.port), local_addr=(wildcard, options.local_port))
            text = f"datagram-{number}".ljust(options.size, ".")
            transport.sendto(text.encode())
            try:
                answer, _ = await asyncio.wait_for(protocol.answers.get(), options.timeout)
                if isinstance(answer, OSError):
                    raise answer
                backend, source, port, echoed = answer.split(" ", 3)
                if echoed != text:
                    raise ValueError("answer to another datagram")
                backends[backend] += 1
                sources.add(f"{source} {port}" if options.same_port else source)
            except ERRORS as error:
                failures.add(reason(error), number=number)

    await asyncio.gather(*(worker() for _ in range(1 if options.same_port else options.concurrency)))
    return {"datagrams": options.datagrams, "backends": dict(backends), "sources": sorted(sources), **failures.result()}


async def first_of(event, seconds):
    """Sleeps, but not beyond the event."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        pass


def parse(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in (connect, hold, probe, udp):
        sub = kinds.add_parser(kind.__name__)
        sub.set_defaults(function=kind)
        sub.add_argument("address")
        sub.add_argument("port", type=int)
        sub.add_argument("--timeout", type=float, default=5)
        sub.add_argument("--seconds", type=float, default=300)  # at most
        sub.add_argument("--path", default="/")
        sub.add_argument("--local-port", type=int, default=0)
        sub.add_argument("--concurrency", type=int, default=32)
        sub.add_argument("--connections", type=int, default=100)
        sub.add_argument("--datagrams", type=int, default=100)
        sub.add_argument("--size", type=int, default=0)  # of each datagram, at least
        sub.add_argument("--pause", type=float, default=0)
        sub.add_argument("--every", type=float, default=0.02)
        sub.add_argument("--receive-buffer", type=int, default=0)  # bytes that the client lets be on their way; 0: the kernel's
        sub.add_argument("--sha256", default="")
        sub.add_argument("--reopen", action="store_true", help="what an answer says is its connection's last")
        sub.add_argument("--ca", default="")  # speak TLS, and verify by this authority
        sub.add_argument("--server-name", default="")  # also the Host header
        sub.add_argument("--list-ports", action="store_true")
        sub.add_argument("--same-port", action="store_true")
    options = parser.parse_args(arguments)
    options.tls = ssl.create_default_context(cafile=options.ca) if options.ca else None
    return options


async def main(options):
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.call_later(options.seconds, stop.set)
    pathlib.Path(options.output).with_suffix(".started").touch()
    started = time.time()
    result = await options.function(options, stop)
    return {**result, "started": started, "seconds": time.time() - started}


if __name__ == "__main__":
    chosen = parse(sys.argv[1:])
    outcome = asyncio.run(main(chosen))
    with open(chosen.output + ".part", "w") as file:
        json.dump(outcome, file)
    os.rename(chosen.output + ".part", chosen.output)
