"""The demo (`make demo`): messages of two queues and records of a stream go through real functions, and each is accounted for.

Starts emulators of AWS on free ports, makes in them a queue with a dead-letter queue, a FIFO queue and a stream with failure
destinations, and sends the orders, the payments and the clicks. Runs forebay on the mapping files, which name three Python
functions that forebay starts, and waits until the queues are empty and the stream is processed. The records are then counted from the functions' own
ledgers, the dead-letter queue and the failure destinations, not from forebay's word, and compared with what was sent. Ends
everything that it started, also on Ctrl-C. Exit codes: 0 it adds up, 1 it does not or something failed, 130 interrupted.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from clicks import STREAM, VISITORS, Clicks, Kinesis, account_clicks, make_clicks
from display import Display
from payments import ACCOUNTS, PAYMENTS, Payments, account_payments, make_payments
from processes import Child, DemoError, Interrupted, Interrupts, describe, free_port, wait_until
from stage import QUEUE, Emulator, Stage, answers, environment, make_orders
from summary import Account, summarize

STALL_SECONDS = 60
ROOT = Path(__file__).resolve().parent.parent


class Forebay:
    """`forebay run` on the mapping files, with a socket, a store and a port of its own."""

    def __init__(self, binary, files, emulator, kinesis, folder, own):
        self.binary = binary
        port = free_port()
        self.env = environment(AWS_ENDPOINT_URL=emulator.url, AWS_ENDPOINT_URL_KINESIS=kinesis.url,
                               FOREBAY_SOCKET=str(folder / "forebay.sock"), NO_COLOR="1",
                               PYTHON=sys.executable, FUNCTIONS=str(ROOT / "demo" / "function"), LEDGERS=str(folder))
        named = [argument for file in files for argument in ("-f", file)]
        command = [binary, "run", *named, "--store", folder / "store.redb", "--listen", f"127.0.0.1:{port}",
                   "--socket", folder / "forebay.sock", "--drain-timeout", "10s",
                   "--receive-wait", "1s"]
        self.child = own(lambda: Child("forebay", command, self.env, folder / "forebay.log"))
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), self.child, 30, "forebay did not become ready")

    def status(self):
        """The mappings by name, as `forebay list -o json` shows them; none when that cannot be had."""
        self.child.check()
        command = [self.binary, "list", "-o", "json"]
        try:
            answer = subprocess.run(command, env=self.env, capture_output=True, timeout=10, check=True).stdout
            return {found["Name"]: found for found in json.loads(answer)}
        except (subprocess.SubprocessError, ValueError):
            return {}


def main():
    options = arguments()
    display = Display()
    interrupts = Interrupts()
    try:
        with ExitStack() as stack:
            stack.callback(display.end_live)
            return run(options, display, interrupts, stack)
    except DemoError as problem:
        display.end_live()
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except Interrupted as interrupt:
        display.end_live()
        print(f"interrupted by {signal.Signals(interrupt.signal).name}; everything that the demo started is ended", file=sys.stderr)
        return 130


def arguments():
    parser = argparse.ArgumentParser(description="Run orders and payments from queues and clicks from a stream through real functions, on emulators of AWS.")
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "forebay", help="the forebay binary")
    parser.add_argument("--mappings", type=Path, default=ROOT / "demo" / "mappings", help="a folder with the files orders.yaml, payments.yaml and clicks.yaml")
    parser.add_argument("--orders", type=int, default=1000, help="how many orders are sent (default: %(default)s)")
    parser.add_argument("--poison", type=int, default=25, help="how many of them cannot be booked (default: %(default)s)")
    parser.add_argument("--payments", type=int, default=400, help="how many payments are sent, some of them impossible (default: %(default)s)")
    parser.add_argument("--clicks", type=int, default=1000, help="how many clicks are put, one of them poison (default: %(default)s)")
    options = parser.parse_args()
    if not 0 < options.poison <= options.orders:
        parser.error("--poison must be at least 1 and at most --orders")
    if options.payments < ACCOUNTS:
        parser.error(f"--payments must be at least {ACCOUNTS}, one for each account")
    if options.clicks < 2:
        parser.error("--clicks must be at least 2")
    for path, what in ((options.binary, "binary: build it with `make build`"), (options.mappings, "mapping files")):
        if not path.exists():
            parser.error(f"{path} does not exist, and should hold the {what}")
        # Children have another working folder in mind than the caller, perhaps: paths are made whole.
    options.binary, options.mappings = options.binary.resolve(), options.mappings.resolve()
    return options


def run(options, display, interrupts, stack):
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forebay-demo-", ignore_cleanup_errors=True)))

    def own(start):
        """Starts a child and sees to its end, in any case."""
        with interrupts.held():
            child = start()
            stack.callback(interrupts.shielded, lambda: child.stop(15))
        return child

    display.step("Starting emulators of AWS, with two queues and a stream")
    emulator, kinesis = Emulator(folder, own), Kinesis(folder, own)
    stage, paid, clicks = Stage(emulator, folder), Payments(emulator, folder), Clicks(kinesis, emulator, folder)

    bodies, good, poison = make_orders(options.orders, options.poison)
    payments, impossible = make_payments(options.payments)
    records, bad = make_clicks(options.clicks)
    display.step(f"Sending {options.orders:,} orders, {options.payments:,} payments and {options.clicks:,} clicks; "
                 f"{len(poison) + len(impossible) + 1} of them can never be processed")
    stage.send(bodies)
    paid.send(payments)
    bad_number = clicks.put(records)[bad]

    files = [options.mappings / f"{name}.yaml" for name in (QUEUE, PAYMENTS, STREAM)]
    display.step("forebay run " + " ".join(f"-f {os.path.relpath(file)}" for file in files))
    started = time.monotonic()
    forebay = Forebay(options.binary, files, emulator, kinesis, folder, own)
    watch(display, stage, paid, clicks, forebay, options)
    took = time.monotonic() - started
    status = forebay.status()

    display.step("Stopping forebay with SIGTERM")
    code = forebay.child.stop(15)
    if code != 0:
        raise DemoError(f"forebay ended with {describe(code)} after SIGTERM; its last lines:\n{forebay.child.tail()}")

    accounts = [
        account_orders(stage, good, poison, status.get(QUEUE)),
        account_payments(paid, options.payments, impossible, status.get(PAYMENTS)),
        account_clicks(clicks, options.clicks, bad, bad_number, status.get(STREAM)),
    ]
    order = f"payments of {ACCOUNTS} accounts and clicks of {VISITORS} visitors were processed in their order"
    return 0 if summarize(display, accounts, order, took) else 1


def watch(display, stage, paid, clicks, forebay, options):
    """Shows how it goes until the queues are empty and the stream is processed. Fails when nothing moves for a minute."""
    total = options.orders + options.payments + options.clicks
    started = moved = time.monotonic()
    last = None
    while True:
        waiting, in_flight = stage.depth(stage.queue)
        dead, _ = stage.depth(stage.dead_letters)
        ledger, clicked = stage.ledger(), clicks.ledger()
        open_payments, failed_clicks = sum(paid.depth()), clicks.failures()
        orders = min(sum(len(entry["booked"]) for entry in ledger) + dead, options.orders)
        counted = min(len({click for entry in clicked for click in entry["counted"]}) + failed_clicks, options.clicks)
        healths = [f"{name} {found['Health']}" for name, found in forebay.status().items()]
        display.progress(orders + options.payments - open_payments + counted, total,
                         f"{time.monotonic() - started:.0f} s   {', '.join(healths) or 'forebay does not answer'}")
        if waiting == in_flight == open_payments == 0 and counted >= options.clicks:
            return
        now = (waiting, in_flight, dead, len(ledger), open_payments, len(clicked), failed_clicks)
        if now != last:
            last, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALL_SECONDS:
            raise DemoError(f"nothing moved for {STALL_SECONDS} s; the mappings: {', '.join(healths)}; "
                            f"the last lines of forebay:\n{forebay.child.tail()}")
        time.sleep(0.25)


def account_orders(stage, good, poison, status):
    """What came of the orders."""
    ledger = stage.ledger()
    bookings = [order for entry in ledger for order in entry["booked"]]
    tries = sum(len(entry["failed"]) for entry in ledger)
    booked, dead = set(bookings), stage.take_dead_letters()
    duplicates = len(bookings) - len(booked)
    counts = None
    if status:
        counters = status["Counters"]
        # At-least-once delivery: after a duplicate the two may differ without an error.
        counts = (counters["Polled"], counters["Deleted"]) == (len(bookings) + tries, len(bookings)) or duplicates > 0
    return Account(
        name="orders (queue)", sent=len(good) + len(poison), processed=len(booked), failed=len(dead), where="in the dead-letter queue",
        failures=tries, duplicates=duplicates, invocations=len(ledger), complete=booked == good,
        delivered=sorted(dead) == sorted(poison), counts=counts,
    )


if __name__ == "__main__":
    sys.exit(main())
