"""Eight clients on kept connections, in a process of their own: posts from standard input, times to standard output."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from statistics import median, quantiles

WARM = 64


def main() -> None:
    port, posts = int(sys.argv[1]), json.load(sys.stdin)
    times: list[float] = []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def client(mine: list[tuple[str, str]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for path, body in mine:
            start = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - start)
            assert answer.status == 303, answer.status

    client(posts[:WARM])
    times.clear()
    threads = [threading.Thread(target=client, args=(posts[WARM + n :: 8],)) for n in range(8)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    print(
        json.dumps({"rate": len(times) / took, "p50": median(times) * 1000, "p99": quantiles(times, n=100)[98] * 1000})
    )


if __name__ == "__main__":
    main()
