#!/usr/bin/env python3
"""A warehouse in one page: reads Guerdon's shipping requests from Kafka, ships them, and answers.

It needs confluent-kafka from PyPI, and no code of the ledger. docs/SHIPPING.md is the contract.
examples/warehouse/ does the same, and also closes gaps and rejects products.
"""

import argparse
import hashlib
import json
import sqlite3
import time
from datetime import datetime, timezone

from confluent_kafka import Consumer, KafkaException, Producer

TABLES = """
create table if not exists processed_message (ce_id text primary key);
create table if not exists lane (source text, lane text, sequence integer,
    primary key (source, lane));
create table if not exists parcel (id text primary key, state text, lines text, sequence integer);
create table if not exists answer (number integer primary key, id text, body text, is_sent integer);
"""

FINAL = {"dispatched", "delivered", "cancelled", "rejected", "settled"}


def process(database, headers, body):
    """Processes a message, unless it was processed before, in the caller's transaction."""
    sequence, lane = int(headers["sequence"]), headers["lane"]
    parcel, lines = body["shipping_request_id"], json.dumps(body["lines"])
    lines = headers.get("request_lines", lines)  # in a replay: the lines that are left
    new = database.execute("insert or ignore into processed_message values (?)", [headers["ce_id"]]).rowcount
    check_lane(database, headers["ce_source"], lane, sequence)
    if not new:
        if int(headers.get("attempt", 1)) > 1:  # the ledger has no answer: send all again
            database.execute("update answer set is_sent = 0 where id = ?", [parcel])
        return
    if headers.get("request_status") in FINAL:  # a replayed parcel that must not be shipped again
        row = [parcel, headers["request_status"], lines, sequence]
        database.execute("insert or ignore into parcel values (?, ?, ?, ?)", row)
        return
    if headers["ce_type"] == "guerdon.shipping-requested":
        # If a change came before its request, the row exists already.
        database.execute(
            "insert into parcel values (?, 'accepted', ?, ?) on conflict do update"
            " set state = 'accepted' where state = 'announced'",
            [parcel, lines, sequence],
        )
        state = "select state from parcel where id = ?"
        if database.execute(state, [parcel]).fetchone() == ("accepted",):
            answer(database, parcel, "accepted")
        return
    is_over = all(line["quantity"] == 0 for line in body["lines"])
    changed = database.execute(
        "insert into parcel values (?, iif(?, 'cancelled', 'announced'), ?, ?)"
        " on conflict do update set state = iif(?, 'cancelled', state),"
        " lines = iif(excluded.sequence > sequence, excluded.lines, lines),"
        " sequence = max(sequence, excluded.sequence)"
        " where state in ('announced', 'accepted', 'cancelled')",
        [parcel, is_over, lines, sequence, is_over],
    ).rowcount
    if not changed:
        print(f"too late: {parcel} has left", flush=True)


def check_lane(database, source, lane, sequence):
    """Prints a gap if the sequence is not the next one; the lane goes on."""
    row = database.execute("select sequence from lane where source = ? and lane = ?", [source, lane])
    (last,) = row.fetchone() or (0,)
    if sequence > last + 1:
        print(f"gap in lane {lane}: {last + 1} to {sequence - 1} missing", flush=True)
    if sequence > last:
        database.execute("insert or replace into lane values (?, ?, ?)", [source, lane, sequence])


def work(database):
    """Moves each parcel to its next state."""
    steps = "select id, state from parcel where state in ('accepted', 'dispatched')"
    for parcel, state in database.execute(steps).fetchall():
        if state == "accepted":
            express_no = "PP" + hashlib.sha256(parcel.encode()).hexdigest()[:12].upper()
            facts = {"carrier": "parcel-post", "express_no": express_no}
            answer(database, parcel, "dispatched", **facts)
        else:
            answer(database, parcel, "delivered")


def answer(database, parcel, event, **facts):
    """Changes a parcel's state, and stores the answer to the ledger."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"shipping_request_id": parcel, "event": event, **facts, "occurred_at": at}
    database.execute("update parcel set state = ? where id = ?", [event, parcel])
    insert = "insert into answer (id, body, is_sent) values (?, ?, 0)"
    database.execute(insert, [parcel, json.dumps(body)])


def send(database, producer, topic):
    """Sends the unsent answers, and marks them once Kafka has all. Returns their number."""
    unsent = "select number, id, body from answer where is_sent = 0 order by number limit 1000"
    answers = database.execute(unsent).fetchall()
    failures = []
    for _, parcel, body in answers:
        report = lambda error, _: error and failures.append(error)
        producer.produce(topic, key=parcel, value=body, on_delivery=report)
    producer.flush()
    if failures:  # all of them are sent again, in order, in the next round
        print(f"answers were not sent: {failures[0]}", flush=True)
        return 0
    with database:
        sent = "update answer set is_sent = 1 where number = ?"
        database.executemany(sent, [(number,) for number, _, _ in answers])
    return len(answers)


def read(message):
    """A message's headers and body."""
    headers = {name: value.decode() for name, value in message.headers() or []}
    return headers, json.loads(message.value())


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--brokers", default="127.0.0.1:9092")
    options.add_argument("--topic", default="guerdon.shipping-requests")
    options.add_argument("--events-topic", default="guerdon.warehouse-events")
    options.add_argument("--warehouse", default="main")
    options.add_argument("--database", default="warehouse-py.sqlite")
    options.add_argument("--until-idle", type=float, metavar="SECONDS")
    options = options.parse_args()

    database = sqlite3.connect(options.database)
    database.execute("pragma synchronous = full")
    database.executescript(TABLES)
    consumer = Consumer({
        "bootstrap.servers": options.brokers,
        "group.id": f"py-{options.warehouse}-{options.topic}",
        "group.instance.id": options.warehouse,
        "session.timeout.ms": 10000,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    })
    consumer.subscribe([options.topic])
    producer = Producer({
        "bootstrap.servers": options.brokers,
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": 10000,
    })

    busy_at = time.monotonic()
    while options.until_idle is None or time.monotonic() - busy_at < options.until_idle:
        messages = consumer.consume(500, 0.2)
        for error in filter(None, (message.error() for message in messages)):
            if error.fatal():  # the consumer gets no more messages
                raise KafkaException(error)
        messages = [message for message in messages if not message.error()]
        with database:  # one transaction for all messages and their answers
            for message in messages:
                try:
                    headers, body = read(message)
                    print(json.dumps({"headers": headers, "body": body}), flush=True)
                    if body["warehouse"] == options.warehouse:
                        process(database, headers, body)
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    where = f"{message.topic()}/{message.partition()}@{message.offset()}"
                    print(f"unreadable: {where}: {error!r}", flush=True)
        with database:
            work(database)
        # First the database, then the answers, then the offsets: a lost step is repeated.
        sent = send(database, producer, options.events_topic)
        if messages:
            consumer.commit(asynchronous=False)
        if messages or sent:
            busy_at = time.monotonic()
    assigned = consumer.assignment()
    consumer.close()
    if not assigned:
        raise SystemExit(f"nothing was ever read of {options.topic} at {options.brokers}")


if __name__ == "__main__":
    main()
