"""Calls AWS's Lambda API with boto3, for the tests in tests/emulator.

Each line of standard input is a call, and each line of standard output the answer to one. Calls run side by side, and an
answer is written as soon as it is there. Ends when standard input ends.

A call has `id`, `endpoint`, `key` (access key and secret, or null to send it unsigned), `operation` as boto3 names it and
`arguments`; with `pages` (a PaginationConfig) it goes through boto3's paginator; with `loose` boto3 does not look at the
arguments itself. An answer has the call's `id`, and `status`, `headers` and `wire` (the body as it came) and either `answer`
or `error`, which is what `ClientError.response` says; or only `raised`, where no answer came.

With `--skew SECONDS` it signs as if the clock went wrong by that much.
"""

import argparse
import datetime
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.auth
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"
AT_ONCE = 64


class Clients:
    """A client for each endpoint, key and strictness; boto3's sessions are not made for several threads, its clients are."""

    def __init__(self):
        self.lock, self.clients = threading.Lock(), {}

    def get(self, endpoint, key, loose):
        name = (endpoint, tuple(key or ()), loose)
        with self.lock:
            if name not in self.clients:
                self.clients[name] = self.make(endpoint, key, loose)
            return self.clients[name]

    @staticmethod
    def make(endpoint, key, loose):
        access, secret = key or ("none", "none")
        # One try: an answer that boto3 would try again is to be seen.
        config = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=180, read_timeout=180,
                        max_pool_connections=AT_ONCE, parameter_validation=not loose,
                        signature_version=None if key else UNSIGNED)
        client = boto3.client("lambda", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=access,
                              aws_secret_access_key=secret, config=config)
        client.meta.events.register("before-parse.lambda", keep_the_body)
        return client


def keep_the_body(response_dict, customized_response_dict, **_):
    customized_response_dict["Wire"] = response_dict["body"].decode()


def answer(clients, call):
    client = clients.get(call["endpoint"], call.get("key"), call.get("loose", False))
    try:
        if "pages" in call:
            paginator = client.get_paginator(call["operation"])
            pages = [said(page) for page in paginator.paginate(**call["arguments"], PaginationConfig=call["pages"])]
            return {"status": 200, "headers": {}, "wire": "", "answer": [page["answer"] for page in pages]}
        return said(getattr(client, call["operation"])(**call["arguments"]))
    except ClientError as error:
        found = said(error.response)
        found["error"] = found.pop("answer")
        return found
    except BotoCoreError as error:
        return {"raised": f"{type(error).__name__}: {error}"}


def said(response):
    about = response.pop("ResponseMetadata")
    wire = response.pop("Wire", "")
    return {"status": about["HTTPStatusCode"], "headers": about["HTTPHeaders"], "wire": wire, "answer": response}


def plain(value):
    """Times as AWS writes them on the wire: seconds since 1970."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} in an answer")


def go_wrong(seconds):
    """Lets botocore sign at another time than it is."""
    right = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *args, **more: right(*args, **more) + datetime.timedelta(seconds=seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--skew", type=int, default=0, metavar="SECONDS")
    go_wrong(parser.parse_args().skew)
    clients, turn = Clients(), threading.Lock()

    def serve(line):
        call = json.loads(line)
        try:
            found = answer(clients, call)
        except Exception as problem:  # whatever it is, somebody waits for an answer
            found = {"raised": f"{type(problem).__name__}: {problem}"}
        text = json.dumps({"id": call["id"], **found}, default=plain) + "\n"
        with turn:
            sys.stdout.write(text)
            sys.stdout.flush()

    pool = ThreadPoolExecutor(AT_ONCE)
    for line in sys.stdin:
        pool.submit(serve, line)
    # Nobody reads what is still under way.
    os._exit(0)


if __name__ == "__main__":
    main()
