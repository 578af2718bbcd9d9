#!/usr/bin/env python3
"""A warehouse in one page: takes Guerdon's shipping requests from Kafka, ships them, says so.

It needs confluent-kafka from PyPI and nothing of the ledger's. examples/README.md says what the
headers mean; examples/warehouse/ is the same with more care for a lane's gaps and for rejections.
"""

import argparse
import hashlib
import json
import sqlite3
import time
from datetime import datetime, timezone

from confluent_kafka import Consumer, KafkaException, Producer

TABLES = """
create table if not exists taken (ce_id text primary key);
create table if not exists lane (source text, lane text, sequence integer,
    primary key (source, lane));
create table if not exists parcel (id text primary key, state text, lines text, sequence integer);
create table if not exists answer (number integer primary key, id text, body text, is_said integer);
"""

OVER = {"dispatched", "delivered", "cancelled", "rejected", "settled"}


def take(database, headers, body):
    """Takes a message, once; in the caller's transaction."""
    sequence, lane = int(headers["sequence"]), headers["lane"]
    parcel, lines = body["shipping_request_id"], json.dumps(body["lines"])
    lines = headers.get("request_lines", lines)  # in a replay: what is left by now
    new = database.execute("insert or ignore into taken values (?)", [headers["ce_id"]]).rowcount
    if not new:
        if int(headers.get("attempt", 1)) > 1:  # the ledger hasn't heard: say everything again
            database.execute("update answer set is_said = 0 where id = ?", [parcel])
        return
    check_lane(database, headers["ce_source"], lane, sequence)
    if headers.get("request_status") in OVER:  # a replay of what is not to be shipped any more
        row = [parcel, headers["request_status"], lines, sequence]
        database.execute("insert or ignore into parcel values (?, ?, ?, ?)", row)
        return
    if headers["ce_type"] == "guerdon.shipping-requested":
        # A change that came first, its request being late, has made the row already.
        database.execute(
            "insert into parcel values (?, 'accepted', ?, ?) on conflict do update"
            " set state = 'accepted' where state = 'announced'",
            [parcel, lines, sequence],
        )
        state = "select state from parcel where id = ?"
        if database.execute(state, [parcel]).fetchone() == ("accepted",):
            say(database, parcel, "accepted")
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
    """A number that isn't the next one shows a gap. Here it is told, and the lane goes on."""
    row = database.execute("select sequence from lane where source = ? and lane = ?", [source, lane])
    (last,) = row.fetchone() or (0,)
    if sequence > last + 1:
        print(f"gap in lane {lane}: {last + 1} to {sequence - 1} missing", flush=True)
    if sequence > last:
        database.execute("insert or replace into lane values (?, ?, ?)", [source, lane, sequence])


def work(database):
    """Moves each parcel one step on its way."""
    steps = "select id, state from parcel where state in ('accepted', 'dispatched')"
    for parcel, state in database.execute(steps).fetchall():
        if state == "accepted":
            express_no = "PP" + hashlib.sha256(parcel.encode()).hexdigest()[:12].upper()
            facts = {"carrier": "parcel-post", "express_no": express_no}
            say(database, parcel, "dispatched", **facts)
        else:
            say(database, parcel, "delivered")


def say(database, parcel, event, **facts):
    """Moves a parcel on, and notes that the ledger is to be told."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"shipping_request_id": parcel, "event": event, **facts, "occurred_at": at}
    database.execute("update parcel set state = ? where id = ?", [event, parcel])
    note = "insert into answer (id, body, is_said) values (?, ?, 0)"
    database.execute(note, [parcel, json.dumps(body)])


def tell(database, producer, topic):
    """Says what isn't said yet, and notes it when Kafka has all of it. How much that was."""
    unsaid = "select number, id, body from answer where is_said = 0 order by number limit 1000"
    answers = database.execute(unsaid).fetchall()
    failures = []
    for _, parcel, body in answers:
        report = lambda error, _: error and failures.append(error)
        producer.produce(topic, key=parcel, value=body, on_delivery=report)
    producer.flush()
    if failures:  # said again, all of them and in order, next time
        print(f"not said: {failures[0]}", flush=True)
        return 0
    with database:
        said = "update answer set is_said = 1 where number = ?"
        database.executemany(said, [(number,) for number, _, _ in answers])
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
            if error.fatal():  # nothing comes any more: better gone than deaf
                raise KafkaException(error)
        messages = [message for message in messages if not message.error()]
        with database:  # one transaction: the messages, and what they set going
            for message in messages:
                try:
                    headers, body = read(message)
                    print(json.dumps({"headers": headers, "body": body}), flush=True)
                    if body["warehouse"] == options.warehouse:
                        take(database, headers, body)
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    place = f"{message.topic()}/{message.partition()}@{message.offset()}"
                    print(f"unreadable: {place}: {error!r}", flush=True)
        with database:
            work(database)
        # The database first, then the answers, then the offsets: what is lost comes again.
        said = tell(database, producer, options.events_topic)
        if messages:
            consumer.commit(asynchronous=False)
        if messages or said:
            busy_at = time.monotonic()
    place = consumer.assignment()
    consumer.close()
    if not place:
        raise SystemExit(f"nothing was ever read of {options.topic} at {options.brokers}")


if __name__ == "__main__":
    main()
