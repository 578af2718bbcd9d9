"""Reads an export as Parquet with DuckDB, and compares it with an export of the same log as NDJSON.

Prints JSON: the programme's totals, summed from the events; the columns; and how many rows aren't
the same bytes as the line of the same event.
"""
import glob
import gzip
import json
import sys

import duckdb

rows, lines = sys.argv[1:]
db = duckdb.connect()
db.execute(f"create view event as select * from read_parquet('{rows}/*.parquet')")
db.execute("""create view credit as
    select type, cast(public->>'$.points' as hugeint) as points, public->>'$.cause.kind' as cause
    from event where public->>'$.unit' = 'points'""")


def one(query):
    return str(db.execute(query).fetchone()[0])


def points(condition):
    return one(f"select coalesce(sum(points), 0) from credit where {condition}")


def events(kind):
    return one(f"select count(*) from event where type = '{kind}'")


totals = {
    "issued": points("type = 'credit-earned' and cause <> 'conversion'"),
    "redeemed": points("type = 'credit-deducted'"),
    "refunded": points("type = 'credit-refunded'"),
    "expired": points("type = 'credit-expired'"),
    # Nobody holds, sends, owes or waits for points here, so what is there can be spent.
    "available": one("""select sum(case type when 'credit-earned' then points
        when 'credit-refunded' then points when 'credit-deducted' then -points
        when 'credit-expired' then -points else 0 end) from credit"""),
    "exchanges": events("exchange-created"),
    "purchases": events("purchase-recorded"),
}
optional = dict(
    db.execute(f"select name, repetition_type from parquet_schema('{rows}/*.parquet')").fetchall()
)
columns = "".join(
    f"{name} {kind} {optional[name].lower()}\n"
    for name, kind in db.execute("select column_name, column_type from (describe event)").fetchall()
)


def text(value):
    return json.dumps(value, ensure_ascii=False)


exported = [line for name in sorted(glob.glob(f"{lines}/*.gz")) for line in gzip.open(name)]
differing = 0
read = db.execute("""select partition, position, generation, type, version, epoch_us(recorded_at),
    account_id, public, private, private_hash, checksum
    from event order by partition, position""").fetchall()
for row, line in zip(read, exported, strict=True):
    partition, position, generation, kind, version, at, account, public, private, hashed, checksum = row
    made = (
        f'{{"partition":{partition},"position":{position},"generation":{generation},'
        f'"type":{text(kind)},"version":{version},"recorded_at":{at},"account_id":{text(account)},'
        f'"public":{public},"private":{private or "null"},"private_hash":{text(hashed)},'
        f'"checksum":{text(checksum)}}}\n'
    )
    differing += made.encode() != line
print(json.dumps({"totals": totals, "columns": columns, "differing_rows": differing}))
