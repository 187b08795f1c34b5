"""Waiting for something to become true, with a limit and a sentence that says what did not happen."""
import time


class TimedOut(AssertionError):
    pass


def until(condition, seconds, what, pause=0.05):
    """Calls `condition` until it returns something true and returns that. Raises TimedOut, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimedOut(f"after {seconds} s still not so: {what}")
        time.sleep(pause)
