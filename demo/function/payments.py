"""The demo's function for a FIFO queue: books payments, account by account in their order.

It runs as it would on AWS Lambda, and knows nothing of forebay. When a payment of an account fails, it leaves the later
ones of that account alone and reports them, too. It also keeps a ledger of its own: one line of JSON for each invocation,
which the demo counts at the end.
"""

import json
import os
import time


def handler(event, context):
    entry = {"invocation": context.aws_request_id, "booked": [], "failed": [], "behind": []}
    reported, stopped = [], set()
    for record in event["Records"]:
        attributes = record["attributes"]
        account, payment = attributes["MessageGroupId"], json.loads(record["body"])
        if account in stopped:
            entry["behind"].append(payment["id"])
        elif books(payment, int(attributes["ApproximateReceiveCount"])):
            entry["booked"].append(payment["id"])
            continue
        else:
            entry["failed"].append(payment["id"])
            stopped.add(account)
        reported.append(record["messageId"])
    write_ledger(entry)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in reported]}


def books(payment, receives):
    """Books one payment, if it can. One without an amount is refused each time that it comes; some need a second try."""
    if payment["amount"] < 1 or (payment.get("early") and receives == 1):
        print(f"{payment['id']} cannot be booked")
        return False
    time.sleep(0.005)  # Stands for the ledger of the bank.
    return True


def write_ledger(entry):
    # One write of a short line to a file opened for appending: invocations side by side do not mix.
    with open(os.environ["LEDGER"], "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
