"""The demo's FIFO queue: payments by account, of which some fail at first and some for good, and what came of them."""

import json

from stage import VISIBILITY_TIMEOUT, create_function, depth, in_order, read_ledger, send_all, take_all

PAYMENTS, FIFO, FUNCTION, FAILED = "payments", "payments.fifo", "book-payments", "payments-failed"
ACCOUNTS = 40
IMPOSSIBLE = 4


class Payments:
    """The queue `payments.fifo`, the function `book-payments`, and the queue `payments-failed` for what it cannot book."""

    def __init__(self, emulator, folder):
        self.ledger_file = folder / "payments.jsonl"
        self.sqs = emulator.client("sqs")
        self.failed = self.sqs.create_queue(QueueName=FAILED)["QueueUrl"]
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": str(VISIBILITY_TIMEOUT)}
        self.queue = self.sqs.create_queue(QueueName=FIFO, Attributes=attributes)["QueueUrl"]
        create_function(emulator, FUNCTION, "payments", self.ledger_file)

    def send(self, payments):
        """Sends payments, in this order, each to the group of its account."""
        send_all(self.sqs, self.queue, [{"MessageBody": json.dumps(payment), "MessageGroupId": payment["account"]} for payment in payments])

    def depth(self):
        return depth(self.sqs, self.queue)

    def ledger(self):
        return read_ledger(self.ledger_file)

    def told(self):
        """How many failure records wait in the destination."""
        return depth(self.sqs, self.failed)[0]

    def take_failures(self):
        """Empties the destination; the failure records found in it."""
        return [json.loads(body) for body in take_all(self.sqs, self.failed)]


def make_payments(count):
    """Payments of all accounts in turn, and the ids of those that can never be booked."""
    payments, impossible = [], set()
    # In the middle of what some accounts have.
    marked = {ACCOUNTS * (count // ACCOUNTS // 2) + number * ACCOUNTS // IMPOSSIBLE for number in range(IMPOSSIBLE)}
    for number in range(count):
        payment = {"id": f"payment-{number:05}", "account": f"account-{number % ACCOUNTS}", "amount": 1 + number % 90}
        if number % 12 == 5:
            payment["early"] = True
        if number in marked:
            payment["amount"] = 0
            impossible.add(payment["id"])
        payments.append(payment)
    return payments, impossible


def account_payments(display, stage, count, impossible, status):
    """The table, and whether it adds up."""
    ledger = stage.ledger()
    booked = [payment for entry in ledger for payment in entry["booked"]]
    tries, behind = (sum(len(entry[what]) for entry in ledger) for what in ("failed", "behind"))
    distinct, failures = set(booked), stage.take_failures()
    told = [json.loads(failure["requestPayload"]["Records"][0]["body"])["id"] for failure in failures]
    attempts = sum(failure["requestContext"]["approximateInvokeCount"] for failure in failures)
    good = {f"payment-{number:05}" for number in range(count)} - impossible
    duplicates = len(booked) - len(distinct)

    display.say()
    display.table([
        ("payments sent", f"{count:,}", f"of {ACCOUNTS} accounts, each a message group of a FIFO queue"),
        ("booked", f"{len(distinct):,}", "distinct payments in the function's own ledger"),
        ("given up", f"{len(told):,}", f"told to the failure destination, after {attempts} tries"),
        None,
        ("booked + given up", f"{len(distinct) + len(told):,}", ""),
        None,
        ("failed tries", f"{tries:,}", "reported by the function, of payments that came too early or have no amount"),
        ("held back", f"{behind:,}", "times a payment waited behind a failed one of its account"),
        ("duplicates", f"{duplicates:,}", "payments that were booked more than once"),
        ("invocations", f"{len(ledger):,}", ""),
    ])
    display.say()

    checks = [
        (distinct == good, f"each of the {len(good):,} good payments was booked, and no other"),
        (sorted(told) == sorted(impossible), f"each of the {len(impossible)} payments without an amount is in the failure destination, once"),
        (in_order(booked, ACCOUNTS), f"the payments of each of the {ACCOUNTS} accounts were booked in their order, whatever failed before them"),
        (len(distinct) + len(told) == count, f"{count:,} = {len(distinct):,} + {len(told):,}: nothing is lost"),
    ]
    if status:
        counters = status["Counters"]
        text = "forebay counts the same: {Polled:,} received, {Deleted:,} deleted, {DeliveredToDestination:,} told".format(**counters)
        same = (counters["Polled"], counters["Deleted"], counters["DeliveredToDestination"]) == (len(booked) + tries + behind, count, len(told))
        # At-least-once delivery: after a duplicate they may differ without a fault.
        checks.append((same or duplicates > 0, text))
    else:
        checks.append((False, f"forebay list -o json answers with the mapping {PAYMENTS}"))
    return display.verdicts(checks)
