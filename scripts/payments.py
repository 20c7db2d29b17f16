"""The demo's FIFO queue: payments by account, of which some fail at first and some for good, and what came of them."""

import json

from stage import VISIBILITY_TIMEOUT, depth, in_order, new_ledger, read_ledger, send_all, take_all
from summary import Account

PAYMENTS, FIFO, FAILED = "payments", "payments.fifo", "payments-failed"
ACCOUNTS = 40
IMPOSSIBLE = 4


class Payments:
    """The queue `payments.fifo`, and the queue `payments-failed` for what cannot be booked."""

    def __init__(self, emulator, folder):
        self.ledger_file = new_ledger(folder, "payments")
        self.sqs = emulator.client("sqs")
        self.failed = self.sqs.create_queue(QueueName=FAILED)["QueueUrl"]
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": str(VISIBILITY_TIMEOUT)}
        self.queue = self.sqs.create_queue(QueueName=FIFO, Attributes=attributes)["QueueUrl"]

    def send(self, payments):
        """Sends payments, in this order, each to the group of its account."""
        send_all(self.sqs, self.queue, [{"MessageBody": json.dumps(payment), "MessageGroupId": payment["account"]} for payment in payments])

    def depth(self):
        return depth(self.sqs, self.queue)

    def ledger(self):
        return read_ledger(self.ledger_file)

    def take_failures(self):
        """Empties the destination; the failure records found in it."""
        return [json.loads(body) for body in take_all(self.sqs, self.failed)]


def make_payments(count):
    """Payments of all accounts in turn, and the ids of those that can never be booked."""
    payments, impossible = [], set()
    # In the middle of what some accounts have.
    chosen = {ACCOUNTS * (count // ACCOUNTS // 2) + number * ACCOUNTS // IMPOSSIBLE for number in range(IMPOSSIBLE)}
    for number in range(count):
        payment = {"id": f"payment-{number:05}", "account": f"account-{number % ACCOUNTS}", "amount": 1 + number % 90}
        if number % 12 == 5:
            payment["early"] = True
        if number in chosen:
            payment["amount"] = 0
            impossible.add(payment["id"])
        payments.append(payment)
    return payments, impossible


def account_payments(stage, count, impossible, status):
    """What came of the payments."""
    ledger = stage.ledger()
    booked = [payment for entry in ledger for payment in entry["booked"]]
    tries, behind = (sum(len(entry[what]) for entry in ledger) for what in ("failed", "behind"))
    distinct, failures = set(booked), stage.take_failures()
    failed = [json.loads(failure["requestPayload"]["Records"][0]["body"])["id"] for failure in failures]
    good = {f"payment-{number:05}" for number in range(count)} - impossible
    duplicates = len(booked) - len(distinct)
    counts = None
    if status:
        counters = status["Counters"]
        found = (counters["Polled"], counters["Deleted"], counters["DeliveredToDestination"])
        # At-least-once delivery: after a duplicate they may differ without an error.
        counts = found == (len(booked) + tries + behind, count, len(failed)) or duplicates > 0
    return Account(
        name="payments (FIFO queue)", sent=count, processed=len(distinct), failed=len(failed), where="failure record",
        failures=tries, duplicates=duplicates, invocations=len(ledger), complete=distinct == good,
        delivered=sorted(failed) == sorted(impossible), ordered=in_order(booked, ACCOUNTS), counts=counts,
    )
