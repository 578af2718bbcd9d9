#!/usr/bin/env python3
"""A warehouse in one page, over HTTP: reads Guerdon's shipping requests, ships them, and answers.

It needs Python's standard library only, and a key of the role warehouse. docs/SHIPPING.md and
docs/API.md are the contract. warehouse.py does the same over Kafka.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

TABLES = """
create table if not exists cursor (warehouse text primary key, after text);
create table if not exists processed_message (id text primary key);
create table if not exists parcel (id text primary key, state text, lines text, sequence integer);
create table if not exists answer (number integer primary key, id text, path text, body text,
    state text);
"""

# A refusal for one of these reasons may pass; every other is about the answer itself.
MAY_PASS = {401, 403, 408, 429, 500, 502, 503, 504}


class Ledger:
    """The ledger's HTTP API."""

    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def ask(self, method, path, body=None, timeout=60):
        """The status and the JSON of an answer; status 0 if there is none."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                return error.code, json.load(error)
            except ValueError:
                return error.code, {"detail": error.reason}
        except (OSError, ValueError) as error:
            return 0, {"detail": str(error)}


def read(database, ledger, warehouse, wait_ms):
    """Takes the next messages in, in one transaction with the cursor. Returns their number."""
    query = {"warehouse": warehouse, "limit": 100, "wait_ms": wait_ms}
    row = database.execute("select after from cursor where warehouse = ?", [warehouse]).fetchone()
    if row:  # without a cursor, the stream begins at its start
        query["after"] = row[0]
    status, page = ledger.ask("GET", "/v1/shipping-stream?" + urllib.parse.urlencode(query))
    if status == 409 and page.get("code") == "log-forked":
        # The ledger lost its newest events. Read all again: what was processed is dropped by its id.
        print(f"read from the start: {page['detail']}", flush=True)
        with database:
            database.execute("delete from cursor where warehouse = ?", [warehouse])
        return 1
    if status != 200:
        print(f"can't read: {status}: {page.get('detail')}", flush=True)
        if status in (400, 403, 404):
            sys.exit(1)
        time.sleep(1)
        return 0
    with database:
        for item in page["items"]:
            process(database, item)
        database.execute("insert or replace into cursor values (?, ?)", [warehouse, page["next"]])
    return len(page["items"])


def process(database, item):
    """Processes a message, unless it was processed before, in the caller's transaction."""
    data, insert = item["data"], "insert or ignore into processed_message values (?)"
    parcel, is_new = data["shipping_request_id"], database.execute(insert, [item["id"]]).rowcount
    if not is_new:
        if data.get("attempt", 1) > 1:  # the ledger has no answer: send all again
            database.execute("update answer set state = 'unsent' where id = ?", [parcel])
        return
    print(json.dumps(item), flush=True)
    # What is left of it now: it may have been cancelled, or shipped, since it was written.
    row = [parcel, json.dumps(data["request_lines"]), data["sequence"]]
    if item["type"] == "guerdon.shipping-requested":
        is_open = data["wanted"] and any(line["quantity"] for line in data["request_lines"])
        # If a change came before its request, the row exists already.
        database.execute(
            "insert into parcel values (?, ?, ?, ?) on conflict do update"
            " set state = excluded.state where state = 'announced'",
            [parcel, "accepted" if is_open else data["request_status"], *row[1:]],
        )
        state = database.execute("select state from parcel where id = ?", [parcel]).fetchone()
        if state == ("accepted",):
            answer(database, parcel, "acceptance")
        return
    is_over = all(line["quantity"] == 0 for line in data["request_lines"])
    changed = database.execute(
        "insert into parcel values (?1, iif(?4, 'cancelled', 'announced'), ?2, ?3)"
        " on conflict do update set state = iif(?4, 'cancelled', state),"
        " lines = iif(excluded.sequence > sequence, excluded.lines, lines),"
        " sequence = max(sequence, excluded.sequence)"
        " where state in ('announced', 'accepted', 'cancelled')",
        [*row, is_over],
    ).rowcount
    if not changed:
        print(f"too late: {parcel} has left", flush=True)


def work(database):
    """Moves each parcel to its next state: one box for each product."""
    steps = "select id, state, lines from parcel where state in ('accepted', 'dispatched')"
    for parcel, state, lines in database.execute(steps).fetchall():
        if state == "dispatched":
            move(database, parcel, "delivered")
            answer(database, parcel, "delivery")
            continue
        move(database, parcel, "dispatched")
        lines = json.loads(lines)
        if len(lines) == 1:
            answer(database, parcel, "dispatch", **label(parcel))
            continue
        # A box is called by its line's place, so that it has the same name if the database is lost.
        for number, line in enumerate(lines, 1):
            if not line["quantity"]:
                continue
            box = f"box-{number}"
            answer(database, parcel, f"dispatches/{box}", lines=[line], **label(parcel + box))


def label(name):
    """The carrier's label. The same goods always get the same one."""
    number = hashlib.sha256(name.encode()).hexdigest()[:12].upper()
    return {"carrier": "Parcel Post", "express_no": f"PP {number}"}


def move(database, parcel, state):
    database.execute("update parcel set state = ? where id = ?", [state, parcel])


def answer(database, parcel, path, **facts):
    """Stores an answer to the ledger."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    insert = "insert into answer (id, path, body, state) values (?, ?, ?, 'unsent')"
    database.execute(insert, [parcel, path, json.dumps({**facts, "occurred_at": at})])


def send(database, ledger):
    """Sends the answers in their order, until one has to wait. Returns how many were sent."""
    unsent = "select number, id, path, body from answer where state = 'unsent' order by number"
    answers = database.execute(unsent).fetchall()
    for sent, (number, parcel, path, body) in enumerate(answers):
        path = f"/v1/shipping-requests/{parcel}/{path}"
        status, said = ledger.ask("PUT", path, json.loads(body))
        if status == 0 or status in MAY_PASS:
            print(f"sent later: {path}: {status}: {said.get('detail')}", flush=True)
            time.sleep(1)
            return sent
        with database:
            state = "sent" if status in (200, 201) else f"refused: {said.get('detail')}"
            database.execute("update answer set state = ? where number = ?", [state, number])
            if state == "sent" and not said["wanted"]:  # nobody wants it any more: don't ship it
                stop = "update parcel set state = ? where id = ? and state = 'accepted'"
                if database.execute(stop, [said["status"], parcel]).rowcount:
                    print(f"not wanted: {parcel} is {said['status']}", flush=True)
            elif state != "sent":
                print(f"refused: {path}: {status}: {said.get('detail')}", flush=True)
    return len(answers)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--url", default="http://127.0.0.1:8080")
    options.add_argument("--key-file", required=True, help="a file with the API key, and no more")
    options.add_argument("--warehouse", default="main")
    options.add_argument("--database", default="warehouse-http.sqlite")
    options.add_argument("--until-idle", type=float, metavar="SECONDS")
    options = options.parse_args()

    with open(options.key_file, encoding="ascii") as file:
        ledger = Ledger(options.url, file.read().strip())
    database = sqlite3.connect(options.database)
    database.execute("pragma synchronous = full")
    database.executescript(TABLES)

    busy_at = time.monotonic()
    wait_ms = 25_000 if options.until_idle is None else 200
    while options.until_idle is None or time.monotonic() - busy_at < options.until_idle:
        # First the database, then the answers: a lost step is repeated.
        found = read(database, ledger, options.warehouse, 0 if busy(database) else wait_ms)
        sent = send(database, ledger)
        if not found:  # every cancellation so far is known
            with database:
                work(database)
            sent += send(database, ledger)
        if found or sent:
            busy_at = time.monotonic()


def busy(database):
    """Whether there is work to do at once."""
    return database.execute(
        "select exists (select 1 from parcel where state in ('accepted', 'dispatched'))"
        " or exists (select 1 from answer where state = 'unsent')"
    ).fetchone()[0]


if __name__ == "__main__":
    main()
