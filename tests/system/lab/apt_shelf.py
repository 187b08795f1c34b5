"""A little registry of Debian packages for a guest: what newer versions of ours and of others an upgrade is to find there."""
import contextlib
import functools
import http.server
import pathlib
import threading

from lab.namespace import run

HOST_SEEN_FROM_A_GUEST = "10.0.2.2"  # of QEMU's own network


@contextlib.contextmanager
def served(folder):
    """Its files by HTTP; gives the URL."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST_SEEN_FROM_A_GUEST}:{server.server_port}"
        server.shutdown()


def put(folder, name, version):
    """A package without anything but a file that tells of it, in the place of Debian's of that name; and the list of what there is."""
    tree = pathlib.Path(folder) / "tree"
    for path, text in {"DEBIAN/control": f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Lab <lab@example.org>\n"
                                         "Description: newer than Debian's\n",
                       f"usr/share/{name}/newer": f"{version}\n"}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    shelf = pathlib.Path(folder) / "debian"
    shelf.mkdir(exist_ok=True)
    run(["dpkg-deb", "--root-owner-group", "-b", tree, shelf / f"{name}_{version}_all.deb"])
    run(["rm", "-r", tree])
    run(["sh", "-c", f"cd {shelf} && dpkg-scanpackages --multiversion . > Packages 2> /dev/null"])
