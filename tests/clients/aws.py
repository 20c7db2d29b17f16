"""Runs the `aws` command for the tests in tests/emulator, each call in a process of its own.

Importing the command takes longer than most of its calls. So this process imports it once, and forks for each call.

Each line of standard input is a call: `id`, `arguments` (as after `aws`) and `environment`. Each line of standard output
is an answer: the call's `id`, the exit `code`, and what it printed to `stdout` and `stderr`. Calls run side by side. Ends
when standard input ends.
"""

import fcntl
import json
import os
import signal
import sys
import tempfile
import traceback

from awscli.clidriver import main


def run(arguments, environment):
    """Runs the command in this process; its exit code."""
    os.environ.update(environment)
    sys.argv = ["aws", *arguments]
    try:
        return main()
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 255


def answer(call, lock):
    """Runs the command with files for its output, and writes the answer as one line."""
    answers = os.dup(1)
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr, open(os.devnull) as stdin:
        for file, standard in ((stdin, 0), (stdout, 1), (stderr, 2)):
            os.dup2(file.fileno(), standard)
        said = {"id": call["id"], "code": run(call["arguments"], call["environment"])}
        sys.stdout.flush()
        sys.stderr.flush()
        for name, file in (("stdout", stdout), ("stderr", stderr)):
            file.seek(0)
            said[name] = file.read().decode()
    # A lock of this process, which a lock of the file would not be: all calls have the same file.
    fcntl.lockf(lock, fcntl.LOCK_EX)
    with os.fdopen(answers, "w") as line:
        print(json.dumps(said), file=line)


def serve():
    """Forks for each call."""
    # Nobody asks how a call's process ended: its answer says so.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with tempfile.TemporaryFile() as lock:
        for line in sys.stdin:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                try:
                    answer(json.loads(line), lock)
                finally:
                    os._exit(0)


if __name__ == "__main__":
    serve()
