"""The demo (`make demo`): messages of two queues and records of a stream go through real functions, and each is accounted for.

Starts emulators of AWS on free ports, makes in them a queue with a dead-letter queue, a FIFO queue and a stream with failure
destinations, and three Python functions, sends the orders, the payments and the clicks, runs forebay on the mapping files,
and waits until the queues are empty and the stream is processed. What came of them is then counted from the functions' own
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

from clicks import SHARDS, STREAM, Clicks, Kinesis, account_clicks, make_clicks
from display import Display
from payments import ACCOUNTS, FIFO, PAYMENTS, Payments, account_payments, make_payments
from processes import Child, DemoError, Interrupted, Interrupts, describe, free_port, wait_until
from stage import MAX_RECEIVE_COUNT, QUEUE, VISIBILITY_TIMEOUT, Emulator, Stage, answers, environment, make_orders

STALL_SECONDS = 60


class Forebay:
    """`forebay run` on the mapping files, with its socket, store and port out of everybody's way."""

    def __init__(self, binary, files, emulator, kinesis, folder, own):
        self.binary = binary
        port = free_port()
        self.env = environment(AWS_ENDPOINT_URL=emulator.url, AWS_ENDPOINT_URL_KINESIS=kinesis.url,
                               FOREBAY_SOCKET=str(folder / "forebay.sock"), NO_COLOR="1")
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
    root = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description="Run orders and payments from queues and clicks from a stream through real functions, on emulators of AWS.")
    parser.add_argument("--binary", type=Path, default=root / "target" / "release" / "forebay", help="the forebay binary")
    parser.add_argument("--mappings", type=Path, default=root / "mappings", help="a folder with the files orders.yaml, payments.yaml and clicks.yaml")
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
        """Starts a child and sees to its end, whatever happens next."""
        with interrupts.held():
            child = start()
            stack.callback(interrupts.shielded, lambda: child.stop(15))
        return child

    display.step("Emulators of AWS: a queue with a dead-letter queue, a FIFO queue and a stream with failure destinations, three Python functions")
    emulator, kinesis = Emulator(folder, own), Kinesis(folder, own)
    stage, paid, clicks = Stage(emulator, folder), Payments(emulator, folder), Clicks(kinesis, emulator, folder)

    display.step(f"{options.orders:,} orders into the queue {QUEUE}, {options.poison} of them poison")
    bodies, good, poison = make_orders(options.orders, options.poison)
    stage.send(bodies)
    display.step(f"{options.payments:,} payments into the queue {FIFO}, in the order of each of {ACCOUNTS} accounts")
    payments, impossible = make_payments(options.payments)
    paid.send(payments)
    display.step(f"{options.clicks:,} clicks into the {SHARDS} shards of the stream {STREAM}, one of them poison")
    records, bad = make_clicks(options.clicks)
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

    orders_add_up = account(display, stage, good, poison, status.get(QUEUE), took)
    payments_add_up = account_payments(display, paid, options.payments, impossible, status.get(PAYMENTS))
    clicks_add_up = account_clicks(display, clicks, options.clicks, bad, bad_number, status.get(STREAM))
    return 0 if orders_add_up and payments_add_up and clicks_add_up else 1


def watch(display, stage, paid, clicks, forebay, options):
    """Shows how it goes until the queues are empty and the stream is processed. Fails when nothing moves for a minute."""
    last, moved = None, time.monotonic()
    while True:
        waiting, in_flight = stage.depth(stage.queue)
        dead, _ = stage.depth(stage.dead_letters)
        ledger, clicked = stage.ledger(), clicks.ledger()
        booked = sum(len(entry["booked"]) for entry in ledger)
        open_payments = sum(paid.depth())
        settled = options.payments - open_payments
        counted, told = len({click for entry in clicked for click in entry["counted"]}), clicks.told()
        status = forebay.status()
        states = [": ".join(filter(None, (f"{found['State']}, {found['Health']}", found.get("HealthReason")))) for found in status.values()]
        state = states[0] if states and len(set(states)) == 1 else "; ".join(states) or "no answer"
        display.progress(
            min(booked + dead, options.orders) + settled + min(counted + told, options.clicks),
            options.orders + options.payments + options.clicks,
            f"orders: waiting {waiting}, in flight {in_flight}, booked {booked}, dead-lettered {dead}; "
            f"payments: waiting {open_payments}; clicks: counted {counted}, given up {told}; forebay: {state}",
        )
        if waiting == in_flight == open_payments == 0 and counted + told >= options.clicks:
            return
        now = (waiting, in_flight, dead, len(ledger), open_payments, len(clicked), told)
        if now != last:
            last, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALL_SECONDS:
            raise DemoError(f"nothing moved for {STALL_SECONDS} s; the mappings: {state}; "
                            f"the last lines of forebay:\n{forebay.child.tail()}")
        time.sleep(0.25)


def account(display, stage, good, poison, status, took):
    """The table, and whether it adds up."""
    ledger = stage.ledger()
    bookings = [order for entry in ledger for order in entry["booked"]]
    tries = sum(len(entry["failed"]) for entry in ledger)
    booked, dead = set(bookings), stage.take_dead_letters()
    duplicates = len(bookings) - len(booked)
    sent = len(good) + len(poison)

    display.say()
    display.table([
        ("orders sent", f"{sent:,}", ""),
        ("succeeded", f"{len(booked):,}", "distinct orders in the function's own ledger"),
        ("dead-lettered", f"{len(dead):,}", f"found in the dead-letter queue (maxReceiveCount {MAX_RECEIVE_COUNT})"),
        None,
        ("succeeded + dead-lettered", f"{len(booked) + len(dead):,}", ""),
        None,
        ("messages received", f"{len(bookings) + tries:,}", "by the function"),
        ("failed tries", f"{tries:,}", f"of {len(poison)} poison orders, {VISIBILITY_TIMEOUT} s apart"),
        ("duplicates", f"{duplicates:,}", "orders that succeeded more than once"),
        ("invocations", f"{len(ledger):,}", ""),
        ("time", f"{took:.1f} s", "from forebay's start until queues and stream were done"),
    ])
    display.say()

    checks = [
        (booked == good, f"each of the {len(good):,} good orders was booked, and no other"),
        (sorted(dead) == sorted(poison), f"each of the {len(poison)} poison orders is in the dead-letter queue, once and unchanged"),
        (len(booked) + len(dead) == sent, f"{sent:,} = {len(booked):,} + {len(dead):,}: nothing is lost"),
    ]
    if status:
        counters = status["Counters"]
        text = "forebay counts the same: {:,} received, {:,} deleted".format(counters["Polled"], counters["Deleted"])
        same = counters["Polled"] == len(bookings) + tries and counters["Deleted"] == len(bookings)
        # At-least-once delivery: after a duplicate the two may differ without a fault.
        checks.append((same or duplicates > 0, text))
    else:
        checks.append((False, "forebay list -o json answers with the mapping"))
    return display.verdicts(checks)


if __name__ == "__main__":
    sys.exit(main())
