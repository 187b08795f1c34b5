"""One thread of a process made to stand still while the others go on, as one that loops or waits for ever looks from outside."""
import ctypes
import os

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


def trace(request, thread):
    if LIBC.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")


class StoppedThread:
    """Use as a context manager. A process of which a thread is held so cannot end before its death has been asked for here."""

    def __init__(self, thread):
        self.thread, self._gone = thread, False

    def __enter__(self):
        trace(PTRACE_SEIZE, self.thread)
        trace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *what):
        if not self.is_gone():
            trace(PTRACE_DETACH, self.thread)

    def is_gone(self):
        if not self._gone:
            thread, status = os.waitpid(self.thread, WALL | os.WNOHANG)
            self._gone = thread != 0 and (os.WIFSIGNALED(status) or os.WIFEXITED(status))
        return self._gone
