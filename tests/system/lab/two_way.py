"""Two ends of a connection that both send as fast as they can, and read what the other sends: every byte is looked at.
Run as a program it is one of them:  listen PORT  |  call ADDRESS PORT SIZE [SERVER_NAME CA_FILE]

Who calls says how much first. Then both send the same bytes (origin.blocks). Who called prints the seconds it took; a byte too
few or another one ends either with an error, which its peer sees as an end too soon.
"""
import asyncio
import ssl
import sys
import time

from lab.origin import blocks
from lab.process import Process
from lab.wait import until

PORT = 9100
PIECE = 1 << 18


class Listener:
    def __init__(self, site, backend, port=PORT):
        self.backend, self.port = backend, port
        self.process = Process(site.run, f"two-way-{backend.name}", backend.namespace.command(
            sys.executable, "-m", "lab.two_way", "listen", port), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"{self.process.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), self.process.tail()
        return self.backend.namespace.run("ss", "-Htln", "sport", "=", f":{self.port}").stdout.strip()


def call_and_wait(site, name, address, port, size, *secure, seconds=900):
    """From the site's client; the seconds it took."""
    process = Process(site.run, name, site.client.command(
        sys.executable, "-m", "lab.two_way", "call", address, port, size, *secure)).start()
    assert process.wait(seconds) == 0, process.tail()
    return float(process.tail(1))


async def send(writer, size):
    for block in blocks(size):
        writer.write(block)
        await writer.drain()  # no end behind it: asyncio's TLS takes its peer's end for that of both directions


async def receive(reader, size):
    for block in blocks(size):
        whole, at = memoryview(block), 0
        while at < len(whole):
            piece = await reader.read(min(len(whole) - at, PIECE))
            if not piece or piece != whole[at:at + len(piece)]:
                raise ConnectionError(f"{len(piece)} bytes that were not sent")
            at += len(piece)


async def exchange(reader, writer, size):
    await asyncio.gather(send(writer, size), receive(reader, size))


async def listen(port):
    async def serve(reader, writer):
        try:
            size = int.from_bytes(await reader.readexactly(8), "big")
            await exchange(reader, writer, size)
        except (ConnectionError, asyncio.IncompleteReadError) as error:  # of a health check too
            print(error, flush=True)
        writer.close()
    server = await asyncio.start_server(serve, None, port, limit=4 * PIECE)
    await server.serve_forever()


async def call(address, port, size, name=None, authority=None):
    secure = ssl.create_default_context(cafile=authority) if authority else None
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(address, port, ssl=secure, server_hostname=name, limit=4 * PIECE)
    writer.write(size.to_bytes(8, "big"))
    await exchange(reader, writer, size)
    print(time.monotonic() - began)
    writer.close()


if __name__ == "__main__":
    role, *words = sys.argv[1:]
    if role == "listen":
        asyncio.run(listen(int(words[0])))
    else:
        asyncio.run(call(words[0], int(words[1]), int(words[2]), *words[3:]))
