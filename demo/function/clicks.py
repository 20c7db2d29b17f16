"""The demo's function for a stream: counts clicks, all of a batch or none.

It runs as it would on AWS Lambda, and knows nothing of forebay. When one click of a batch cannot be read it fails before
it counts any, so forebay halves the batch until the bad one stands alone. It also keeps a ledger of its own: one
line of JSON for each invocation, which the demo counts at the end.
"""

import base64
import json
import os
import time


def handler(event, context):
    entry = {"invocation": context.aws_request_id, "records": len(event["Records"]), "counted": []}
    try:
        entry["counted"] = [read(record["kinesis"]["data"]) for record in event["Records"]]
        time.sleep(0.05)  # Stands for the database.
    finally:
        write_ledger(entry)


def read(data):
    """The click's id. What is not a click cannot be counted, however often it comes."""
    click = json.loads(base64.b64decode(data))
    return click["id"]


def write_ledger(entry):
    # One write of a short line to a file opened for appending: invocations side by side do not mix.
    with open(os.environ["LEDGER"], "a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
