"""Baseline (c): http.client in threads and no database. `python -m benchmarks.raw_threads THREADS CHARGES`"""

import http.client
import itertools
import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

HOST = urlsplit(os.environ["GATEWAY"]).netloc


def charge_all(numbers):
    connection, prefix = http.client.HTTPConnection(HOST, timeout=45), secrets.token_hex(8)
    for number in numbers:
        asked = {"customer_uid": "c", "merchant_uid": f"{prefix}{number}", "amount": 9900, "name": "Pro"}
        headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
        connection.request("POST", "/subscribe/payments/again", json.dumps(asked), headers)
        answer = json.loads(connection.getresponse().read())
        assert answer["response"]["status"] == "paid"


def main(threads, charges):
    numbers = iter(range(charges))  # shared: next() of it is atomic
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(charge_all, itertools.repeat(numbers, threads)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
