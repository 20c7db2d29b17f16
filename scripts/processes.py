"""Child processes of the demo: started in a group of their own, watched, and ended for certain."""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager


class DemoError(Exception):
    """What went wrong, in words for the person who ran the demo."""


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP came."""

    def __init__(self, signum):
        self.signal = signum


class Interrupts:
    """Turns signals into an exception, except where one would leave a child without an owner."""

    def __init__(self):
        self.holding, self.pending = False, None
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self.handle)

    def handle(self, signum, _frame):
        if self.holding:
            self.pending = signum
        else:
            raise Interrupted(signum)

    @contextmanager
    def held(self):
        """A signal that comes inside is raised at the end."""
        self.holding = True
        try:
            yield
        finally:
            self.holding = False
        if self.pending is not None:
            raise Interrupted(self.pending)

    def shielded(self, act):
        """Does something that no signal may cut short."""
        self.holding = True
        act()


class Child:
    """A process with its log file. Its group holds what it starts itself."""

    def __init__(self, name, command, env, log):
        self.name, self.log, self.stopped = name, log, False
        with open(log, "wb") as output:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends the children in order.
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def check(self):
        """Raises with the end of the log when the process has ended by itself."""
        code = self.process.poll()
        if code is not None:
            raise DemoError(f"{self.name} ended by itself with {describe(code)}; its last lines:\n{self.tail()}")

    def tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            last = log.read().splitlines()[-lines:]
        return "\n".join(f"    {line}" for line in last) or "    (it wrote nothing)"

    def stop(self, seconds):
        """SIGTERM, then SIGKILL after so many seconds. Returns the exit code, negative for a signal."""
        if self.stopped:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        # What the process started and left behind, and the process itself if it did not listen.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        self.stopped = True
        return self.process.returncode


def describe(code):
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def free_port():
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, child, seconds, what):
    """Waits until the condition holds; gives up when the child ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        child.check()
        if time.monotonic() > deadline:
            raise DemoError(f"{what} within {seconds} s; the last lines of {child.name}:\n{child.tail()}")
        time.sleep(0.05)
