"""The demo's stage: the emulator with two queues in it, and the orders that go through."""

import json
import os
import socket
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

from processes import Child, DemoError, free_port, wait_until

REGION = "us-east-1"
QUEUE, DEAD_LETTERS = "orders", "orders-dlq"
VISIBILITY_TIMEOUT = 5
MAX_RECEIVE_COUNT = 3


def environment(**extra):
    """The environment for children: the caller's own, without a trace of the caller's AWS account or proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FOREBAY_"))}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **extra,
    }


class Emulator:
    """ministack on a free port of 127.0.0.1, with everything that it writes under one folder."""

    def __init__(self, folder, own):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        temporary = folder / "emulator"
        temporary.mkdir()
        env = environment(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), LOG_LEVEL="WARNING",
                          TMPDIR=str(temporary), STATE_DIR=str(temporary / "state"), S3_DATA_DIR=str(temporary / "s3"))
        self.child = own(lambda: Child("the emulator", [sys.executable, "-m", "ministack"], env, folder / "emulator.log"))
        wait_until(lambda: answers(f"{self.url}/_ministack/health"), self.child, 30, "the emulator did not come up")

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(proxies={}, retries={"max_attempts": 3}),
        )


class Stage:
    """The queue `orders` and its dead-letter queue."""

    def __init__(self, emulator, folder):
        self.ledger_file = new_ledger(folder, "orders")
        self.sqs = emulator.client("sqs")
        self.dead_letters = self.sqs.create_queue(QueueName=DEAD_LETTERS)["QueueUrl"]
        target = attributes(self.sqs, self.dead_letters)["QueueArn"]
        self.queue = self.sqs.create_queue(QueueName=QUEUE, Attributes={
            "VisibilityTimeout": str(VISIBILITY_TIMEOUT),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": MAX_RECEIVE_COUNT}),
        })["QueueUrl"]

    def send(self, bodies):
        send_all(self.sqs, self.queue, [{"MessageBody": body} for body in bodies])

    def depth(self, queue):
        return depth(self.sqs, queue)

    def ledger(self):
        """What the function wrote down itself: one entry for each invocation."""
        return read_ledger(self.ledger_file)

    def take_dead_letters(self):
        """Empties the dead-letter queue; the bodies found in it."""
        return take_all(self.sqs, self.dead_letters)


def new_ledger(folder, function):
    """The file into which a function writes what it has done."""
    ledger = folder / f"{function}.jsonl"
    ledger.touch()
    return ledger


def read_ledger(file):
    """The whole lines of a ledger."""
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def attributes(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]


def depth(sqs, queue):
    """How many messages wait, and how many are received but not yet deleted."""
    found = attributes(sqs, queue)
    delayed = int(found.get("ApproximateNumberOfMessagesDelayed", 0))
    return int(found["ApproximateNumberOfMessages"]) + delayed, int(found["ApproximateNumberOfMessagesNotVisible"])


def send_all(sqs, queue, messages):
    """Sends messages in this order, ten at a time."""
    for start in range(0, len(messages), 10):
        entries = [{"Id": str(i), **message} for i, message in enumerate(messages[start:start + 10])]
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        if answer.get("Failed"):
            raise DemoError(f"the queue refused {len(answer['Failed'])} messages: {answer['Failed'][0]['Message']}")


def take_all(sqs, queue):
    """Empties a queue; the bodies found in it."""
    bodies = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def make_orders(count, poison):
    """Bodies of orders by their id, good and poison; the poison ones are spread evenly."""
    good, bad, bodies = set(), set(), []
    poisoned = {count * (2 * n + 1) // (2 * poison) for n in range(poison)}
    for number in range(count):
        name = f"order-{number:05}"
        body = json.dumps({"id": name, "customer": f"customer-{number % 97}", "quantity": 1 + number % 5})
        if number in poisoned:
            # Half of them order nothing; the other half are cut off, and are not JSON.
            body = json.dumps({"id": name, "quantity": 0}) if len(bad) % 2 else body[:-12]
            bad.add(body)
        else:
            good.add(name)
        bodies.append(body)
    return bodies, good, bad


def listens(port):
    """Whether somebody listens on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False


def answers(url):
    """Whether the URL answers with 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def in_order(done, groups):
    """Whether of each group the things were first done in their order; they are numbered, and dealt out to the groups in turn."""
    last, seen = {}, set()
    for thing in done:
        if thing in seen:
            continue
        seen.add(thing)
        number = int(thing.rpartition("-")[2])
        if number < last.get(number % groups, -1):
            return False
        last[number % groups] = number
    return True
