"""The demo's stream: an emulator of Kinesis, clicks that go through a function, and what came of them."""

import json
from pathlib import Path

import boto3
from botocore.config import Config

from processes import Child, DemoError, free_port, wait_until
from stage import REGION, environment, in_order, listens, new_ledger, read_ledger, take_all
from summary import Account

ROOT = Path(__file__).parent.parent
STREAM, FAILED = "clicks", "clicks-failed"
SHARDS = 2
VISITORS = 50


class Kinesis:
    """kinesis-local on free ports of 127.0.0.1."""

    def __init__(self, folder, own):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        package = ROOT / ".emulators" / "node_modules" / "kinesis-local"
        env = environment(KINESIS_MOCK_CERT_PATH=str(package / "server.json"), KINESIS_MOCK_PLAIN_PORT=str(port),
                          KINESIS_MOCK_TLS_PORT=str(free_port()), LOG_LEVEL="ERROR")
        command = ["node", "-r", ROOT / "scripts" / "emulators" / "loopback.js", package / "main.js"]
        self.child = own(lambda: Child("the emulator of Kinesis", command, env, folder / "kinesis.log"))
        wait_until(lambda: listens(port), self.child, 30, "the emulator of Kinesis did not come up")

    def client(self):
        return boto3.client(
            "kinesis", endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(proxies={}, retries={"max_attempts": 3}),
        )


class Clicks:
    """The stream `clicks`, and the queue `clicks-failed` for what cannot be counted."""

    def __init__(self, kinesis, emulator, folder):
        self.ledger_file = new_ledger(folder, "clicks")
        self.kinesis = kinesis.client()
        self.sqs = emulator.client("sqs")
        self.failed = self.sqs.create_queue(QueueName=FAILED)["QueueUrl"]
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
        self.kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def put(self, clicks):
        """Puts clicks (visitor and data), in order; the sequence numbers."""
        numbers = []
        for start in range(0, len(clicks), 500):
            records = [{"PartitionKey": visitor, "Data": data} for visitor, data in clicks[start:start + 500]]
            answer = self.kinesis.put_records(StreamName=STREAM, Records=records)
            if answer["FailedRecordCount"]:
                raise DemoError(f"the stream refused {answer['FailedRecordCount']} records")
            numbers += [record["SequenceNumber"] for record in answer["Records"]]
        return numbers

    def ledger(self):
        return read_ledger(self.ledger_file)

    def failures(self):
        """How many failure records wait in the destination."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.failed, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def take_failures(self):
        """Empties the destination; the failure records found in it."""
        return [json.loads(body) for body in take_all(self.sqs, self.failed)]


def make_clicks(count):
    """Clicks as visitor and data; and the place of the one in the middle, which is cut off and no JSON."""
    poison = count // 2
    clicks = []
    for number in range(count):
        visitor = f"visitor-{number % VISITORS}"
        data = json.dumps({"id": f"click-{number:05}", "visitor": visitor, "page": f"/page/{number % 7}"})
        clicks.append((visitor, (data[:-12] if number == poison else data).encode()))
    return clicks, poison


def account_clicks(stage, count, poison, poison_number, status):
    """What came of the clicks."""
    ledger = stage.ledger()
    counted = [click for entry in ledger for click in entry["counted"]]
    distinct, failures = set(counted), stage.take_failures()
    failed = sum(failure["KinesisBatchInfo"]["batchSize"] for failure in failures)
    good = {f"click-{number:05}" for number in range(count) if number != poison}
    found = [(failure["KinesisBatchInfo"]["startSequenceNumber"], failure["KinesisBatchInfo"]["endSequenceNumber"],
              failure["requestContext"]["condition"]) for failure in failures]
    counts = None
    if status:
        counters = status["Counters"]
        counts = (counters["Polled"], counters["DeliveredToDestination"]) == (count, failed)
    return Account(
        name="clicks (Kinesis stream)", sent=count, processed=len(distinct), failed=failed, where="failure record",
        failures=sum(not entry["counted"] for entry in ledger), duplicates=len(counted) - len(distinct), invocations=len(ledger),
        complete=distinct == good, delivered=found == [(poison_number, poison_number, "RetryAttemptsExhausted")],
        ordered=in_order(counted, VISITORS), counts=counts,
    )
