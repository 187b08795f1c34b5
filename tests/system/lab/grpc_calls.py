"""A server of gRPC and a client of it, by Google's own library: messages are bytes, so no code is made from anything.

    serve NAME PORT     answers on IPv4 until it is ended
    call TARGET [CA]    makes a call of each kind, over TLS with a certificate of the CA, and prints what came of it as JSON
"""
import concurrent.futures
import json
import queue
import sys
import threading
import time

import grpc

from lab.process import Process
from lab.wait import until

PORT = 50051
SERVICE = "lab.Echo"


class GrpcServer:
    def __init__(self, site, backend, port=PORT):
        self.backend, self.port = backend, port
        self.process = Process(site.run, f"grpc-{backend.name}", backend.namespace.command(
            sys.executable, "-m", "lab.grpc_calls", "serve", backend.name, port), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 20, f"the gRPC server of {self.backend.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"the gRPC server of {self.backend.name} ended:\n{self.process.tail()}"
        return self.backend.namespace.run("ss", "-Htln", "sport", "=", f":{self.port}").stdout.strip()


class Answers:
    def __init__(self, name):
        self.name = name
        self.given_up = 0

    def unary(self, request, context):
        context.set_trailing_metadata((("backend", self.name), ("digest-bin", bytes(range(8)))))
        return request

    def count_down(self, request, _):
        for number in range(int(request)):
            yield str(number).encode()

    def total(self, requests, _):
        return str(sum(len(request) for request in requests)).encode()

    def talk(self, requests, _):
        yield from requests

    def fail(self, _, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 100 %")

    def wait(self, _, context):
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(20)
        self.given_up += 1
        return b""

    def waited(self, _, __):
        return str(self.given_up).encode()

    def handlers(self):
        return {"Unary": grpc.unary_unary_rpc_method_handler(self.unary), "CountDown": grpc.unary_stream_rpc_method_handler(self.count_down),
                "Total": grpc.stream_unary_rpc_method_handler(self.total), "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
                "Fail": grpc.unary_unary_rpc_method_handler(self.fail), "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
                "Waited": grpc.unary_unary_rpc_method_handler(self.waited)}


def serve(name, port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, Answers(name).handlers()),))
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    server.wait_for_termination()


def talk(channel):
    """Each word is said when the last has come back: nobody on the way may wait for more."""
    words = queue.Queue()
    answers = channel.stream_stream(f"/{SERVICE}/Talk")(iter(words.get, None), timeout=20)
    heard = []
    for word in (b"one", b"two", b"three"):
        words.put(word)
        heard.append(next(answers).decode())
    words.put(None)
    return heard, [str(rest) for rest in answers]


def failure(channel, method, timeout):
    try:
        channel.unary_unary(f"/{SERVICE}/{method}")(b"", timeout=timeout)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


def calls_given_up(channel):
    """As servers count them; those that are asked may be two."""
    waited = channel.unary_unary(f"/{SERVICE}/Waited")
    return sum(int(waited(b"", timeout=10)) for _ in range(2))


def call(target, authority=None):
    if authority:
        with open(authority, "rb") as file:
            channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))
    else:
        channel = grpc.insecure_channel(target)
    unary, large = channel.unary_unary(f"/{SERVICE}/Unary"), bytes(3_000_000)
    reply, said = unary.with_call(b"hello", timeout=20, metadata=(("word-bin", b"\0\1"),))
    result = {"unary": reply.decode(), "trailers": {key: str(value) for key, value in said.trailing_metadata()},
              "large": unary(large, timeout=20) == large,
              "stream": len(list(channel.unary_stream(f"/{SERVICE}/CountDown")(b"1000", timeout=20))),
              "total": int(channel.stream_unary(f"/{SERVICE}/Total")(iter([b"x" * 1000] * 500), timeout=20)),
              "talk": talk(channel), "fail": failure(channel, "Fail", 20), "unknown": failure(channel, "Nothing", 20),
              "deadline": failure(channel, "Wait", 0.5)}
    end = time.monotonic() + 10
    while not (given_up := calls_given_up(channel)) and time.monotonic() < end:
        time.sleep(0.05)
    result["given_up"] = given_up
    print(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3])
    else:
        call(*sys.argv[2:])
