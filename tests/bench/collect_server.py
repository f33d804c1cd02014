"""The fake in a process of its own, so that only the collector is measured: ``python -m tests.bench.collect_server APIS OPERATIONS LATENCY``.

Prints its address, then, for each line on stdin, how many requests arrived and how many at one time at most.
"""

import sys

from tests.collect.conftest import SERVICE, api, listed, named, policy, service
from tests.collect.fake import Fake

POLICY = "<policies><inbound><base /></inbound></policies>"


def main(apis: int, operations: int, latency: float) -> None:
    fake = Fake(latency=latency)
    fake.add(service(), policy(SERVICE, POLICY), listed(SERVICE))
    for number in range(apis):
        body = api(f"api-{number:05}", type="http", description="An API as any other, with a text of ordinary length. " * 4)
        fake.add(body)
        if number % 2:
            fake.add(policy(body["id"], POLICY), listed(body["id"]))
    lists = {f"/arm{SERVICE}/apis/api-00000/operations": operations}
    children: dict[str, list[object]] = {}
    for key, body in fake.resources.items():
        children.setdefault(key.rpartition("/")[0], []).append(body)
    for path, count in lists.items():
        owner = path.removeprefix("/arm").removesuffix("/operations")
        children[f"{owner}/operations".lower()] = [
            named(
                owner,
                "operations",
                f"op-{number:06}",
                displayName=f"Operation {number}",
                method="GET",
                urlTemplate=f"/things/{number}",
            )
            for number in range(count)
        ]
    original = fake._arm

    def quick(seen, path):  # type: ignore[no-untyped-def]
        """Lists from an index: the fake's own search through everything would be what is measured."""
        key = path.lower().rstrip("/")
        if key in fake.resources or seen.method == "POST":
            return original(seen, path)
        if key.endswith(("/policies/policy", "/access", "/signup", "/signin")):
            return 404, {"error": {"code": "ResourceNotFound"}}, {}
        if key == "/subscriptions":
            return 200, {"value": [{"subscriptionId": SERVICE.split("/")[2], "state": "Enabled"}]}, {}
        return fake._list(seen, children.get(key, []))  # type: ignore[arg-type]

    fake._arm = quick  # type: ignore[method-assign]
    print(fake.url, flush=True)
    for _ in sys.stdin:
        print(len(fake.seen), fake.most_at_once, flush=True)
        fake.seen.clear()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
