"""The demo's function: books orders, and reports the ones that it cannot book.

It runs as it would on AWS Lambda, and knows nothing of forebay. In addition to its answer it keeps a ledger of its own: one
line of JSON for each invocation, which the demo counts at the end.
"""

import json
import os
import time


def handler(event, context):
    booked, failed = [], []
    for record in event["Records"]:
        try:
            booked.append(book(json.loads(record["body"])))
        except (ValueError, KeyError) as problem:
            print(f"message {record['messageId']} cannot be booked: {problem!r}")
            failed.append(record["messageId"])
    write_ledger({"invocation": context.aws_request_id, "booked": booked, "failed": failed})
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def book(order):
    """Books one order and returns its id. An order without goods is refused, each time that it comes."""
    if order["quantity"] < 1:
        raise ValueError(f"{order['id']} orders nothing")
    time.sleep(0.02)  # Stands for the payment service.
    return order["id"]


def write_ledger(entry):
    # One write of a short line to a file opened for appending: invocations side by side do not mix.
    with open(os.environ["LEDGER"], "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
