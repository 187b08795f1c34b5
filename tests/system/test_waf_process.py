"""cardea-waf by itself: who may ask it what, what it keeps loaded, and that its processes come back, or wait, as they should."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from lab.cardea import binary
from lab.wait import until

HEAD = struct.Struct("<IIQII")  # base/control_socket.cc
MAGIC, ASK, REFUSED, ANSWER = 0x434c5043, 3, 17, 18


class Alone:
    """A cardea-waf without a cardea-l7."""

    def __init__(self, folder):
        self.folder, self.process = folder, subprocess.Popen([binary("cardea-waf"), "--run-dir", folder])
        until(self.listens, 10, "it listens")

    def listens(self):
        with contextlib.suppress(OSError):
            return self.status()

    def ask(self, body):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(20)
            connection.connect(str(self.folder / "waf.sock"))
            text = body.encode()
            connection.send(HEAD.pack(MAGIC, ASK, 0, len(text), 0))
            connection.send(text)
            _, verb, _, size, _ = HEAD.unpack(connection.recv(HEAD.size))
            return verb, connection.recv(size).decode() if size else ""

    def status(self):
        return json.loads(self.ask('{"ask": "status"}')[1])

    def load(self, *files, **more):
        return self.ask(json.dumps({"ask": "load", "sets": [[str(file)] for file in files], "workers": 2, "queue": 16, "memory_max": 0, **more}))

    def children(self, pid=None):
        pid = pid or self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [int(word) for word in children.read().split()]

    def question(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(5)
        connection.connect(str(self.folder / "waf-questions.sock"))
        return connection

    def stop(self):
        self.process.terminate()
        return self.process.wait(15)


@pytest.fixture
def waf(tmp_path):
    alone = Alone(tmp_path)
    yield alone
    if alone.process.poll() is None:
        assert alone.stop() == 0


@pytest.fixture
def rules(tmp_path):
    def make(name):
        (tmp_path / name).write_text('SecRule ARGS:own "@streq bad" "id:1000,phase:2,deny,status:403"\n')
        return tmp_path / name
    return make


@pytest.mark.parametrize("body", ['{"ask": 1}', "[]", "{", '{"ask": "load", "sets": 1}', '{"ask": "load", "kept": [1]}'])
def test_what_is_no_question_is_refused(waf, body):
    assert waf.ask(body)[0] == REFUSED and waf.status()["workers"] == 0


def test_the_sets_before_stay_loaded_while_their_files_can_be(waf, rules):
    first, second = rules("a.conf"), rules("b.conf")
    assert waf.load(first, anew=True)[0] == ANSWER
    only = set(waf.status()["rules"])
    assert waf.load(second, anew=True)[0] == ANSWER and len(only) == 1 and only < set(waf.status()["rules"])
    second.unlink()
    assert waf.load(first, anew=True)[0] == ANSWER and set(waf.status()["rules"]) == only


def test_who_asks_for_what_is_being_loaded_waits_for_it(waf, tmp_path):
    many = tmp_path / "many.conf"
    many.write_text("".join(f'SecRule ARGS "@rx a{i}(b|c)*d" "id:{i},phase:2,pass"\n' for i in range(1, 5000)))
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(waf.load(many))) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [verb for verb, _ in answers] == [ANSWER] * 3, answers
    told = waf.status()
    assert (told["loads"], told["loads_refused"]) == (1, 0)


def test_rules_that_are_broken_by_now_are_not_tried_all_the_time(waf, rules):
    file = rules("a.conf")
    assert waf.load(file)[0] == ANSWER
    file.write_text("SecFoo\n")
    os.kill(waf.children()[0], signal.SIGKILL)
    until(lambda: waf.status()["loads_refused"] > 0, 5, "they were tried")
    time.sleep(0.5)
    assert waf.status()["loads_refused"] <= 2
    rules("a.conf")
    until(lambda: waf.status()["workers"] == 2, 10, "they are loaded again")


def sockets(pid):
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2}
    return {name for name in held if name.startswith(("socket:", "anon_inode:"))}


def test_a_worker_shares_no_socket_with_the_first_process_but_that_of_questions(waf, rules):
    assert waf.load(rules("a.conf"))[0] == ANSWER
    until(lambda: waf.status()["workers"] == 2, 5, "workers are there")
    ours = sockets(waf.process.pid)
    for pid in waf.children(waf.children()[0]):
        assert len(ours & sockets(pid)) == 1


def question(rules, body, time_max_ms=60_000):
    """As l7/waf/message.cc writes it."""
    text = lambda word: struct.pack("<I", len(word)) + word
    form = (b"Content-Type", b"application/x-www-form-urlencoded")
    fields = struct.pack("<QIIIBHH", rules, time_max_ms, 0, 0, 0, 0, 0) + struct.pack("<HH", 50123, 443)
    fields += b"".join(text(word) for word in (b"192.0.2.1", b"192.0.2.2", b"POST", b"/", b"1.1"))
    fields += struct.pack("<H", 1) + text(form[0]) + text(form[1]) + body
    return struct.pack("<IHHI", 0x46415743, 2, 1, len(fields)) + fields


def test_what_nobody_waits_for_any_more_is_ended_and_others_are_answered(waf, tmp_path):
    steps = ",".join(f"t:{step}" for step in ("urlDecodeUni", "htmlEntityDecode", "jsDecode", "cssDecode", "lowercase", "compressWhitespace"))
    rules = tmp_path / "slow.conf"
    rules.write_text("".join(f'SecRule ARGS "@rx x{i}y+[a-f]*z" "id:{1000 + i},phase:2,pass,t:none,{steps}"\n' for i in range(400)))
    assert waf.load(rules)[0] == ANSWER
    number = waf.status()["rules"][0]
    with waf.question() as asked:
        asked.sendall(question(number, b"own=" + b"x1%26%23x41;yy " * 60_000))
        assert len(asked.recv(12)) == 12, "a worker has begun"
        time.sleep(0.2)
        assert waf.status()["busy"] == 1, "it takes its time"
    until(lambda: waf.status()["deserted"] == 1, 5, "its worker is ended")
    with waf.question() as other:
        other.sendall(question(number, b"own=x1ya"))
        assert len(other.recv(12)) == 12 and len(other.recv(100)) > 12, "a verdict"
    assert {name: waf.status()[name] for name in ("late", "died", "deserted")} == {"late": 0, "died": 0, "deserted": 1}


@contextlib.contextmanager
def as_user(number):
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)


def test_another_user_of_the_same_group_may_not_ask(waf, rules, tmp_path):
    assert waf.load(rules("a.conf"))[0] == ANSWER
    folder = tmp_path
    while folder != folder.parent:  # as far as the folders of the tests are concerned, he may come to it
        folder.chmod(folder.stat().st_mode | 0o011)
        folder = folder.parent
    with waf.question() as ours:
        until(lambda: waf.status()["busy"] == 1, 5, "a worker reads our question")
        with as_user(65534):
            theirs = waf.question()
        with theirs:
            assert theirs.recv(1) == b"" and waf.status()["busy"] == 1
        ours.close()


def test_a_stop_waits_for_what_is_under_way(waf, rules):
    assert waf.load(rules("a.conf"))[0] == ANSWER
    with waf.question() as asked:
        until(lambda: waf.status()["busy"] == 1, 5, "a worker reads it")
        began = time.monotonic()
        waf.process.terminate()
        assert asked.recv(1) == b"" and waf.process.wait(5) == 0
    assert 0.3 < time.monotonic() - began < 3, "it has a second for the rest of the question"
