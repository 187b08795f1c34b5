"""What runs inside a guest on the tests' behalf: a command for each line of JSON that comes by the virtio port, as root, and a
line for what it printed. No network is in between, so a test may take that away."""
import base64
import json
import os
import pathlib
import subprocess
import time

PORT = "/dev/virtio-ports/cardea"


def answer(asked):
    """{"argv", "stdin", "timeout"} runs a command, {"path", "data"} writes a file."""
    if "path" in asked:
        pathlib.Path(asked["path"]).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(asked["path"]).write_bytes(base64.b64decode(asked["data"]))
        return {"code": 0, "out": "", "err": ""}
    try:
        done = subprocess.run(asked["argv"], input=(asked["stdin"] or "").encode(), capture_output=True, timeout=asked["timeout"],
                              check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return {"code": 124, "out": "", "err": str(error)}
    return {"code": done.returncode, "out": done.stdout.decode(errors="replace"), "err": done.stderr.decode(errors="replace")}


def write(port, value):
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(port, data):]


def main():
    while not os.path.exists(PORT):
        time.sleep(0.1)
    port = os.open(PORT, os.O_RDWR)
    write(port, {"booted": pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()})
    came = b""
    while True:
        piece = os.read(port, 1 << 16)
        if not piece:  # nobody is at the other end
            time.sleep(0.1)
        came += piece
        while b"\n" in came:
            line, _, came = came.partition(b"\n")
            write(port, answer(json.loads(line)))


if __name__ == "__main__":
    main()
