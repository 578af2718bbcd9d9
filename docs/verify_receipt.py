#!/usr/bin/env python3
"""Verifies a receipt of an exchange with nothing but the log's key.

    pip install pynacl
    python3 verify_receipt.py RECEIPT.json 'guerdon/...+530d903a+AekyeR...'

It shares nothing with the ledger. docs/TRANSPARENCY.md and docs/EVENTS.md have the formats.
"""

import base64
import hashlib
import json
import struct
import sys

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey


def sha256(data):
    return hashlib.sha256(data).digest()


def refuse(why):
    sys.exit(f"refused: {why}")


def read_note(note):
    """A signed note: its text, and its signatures by (name, key id)."""
    text, _, signatures = note.rpartition("\n\n")
    found = {}
    for line in signatures.splitlines():
        dash, name, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        found[(name, signature[:4])] = signature[4:]
    return text + "\n", found


def signed_by(public, note):
    """The checkpoint in a note that this key signed under the checkpoint's origin, or None."""
    text, signatures = read_note(note)
    origin, size, root, *more = text.splitlines()
    key_id = sha256(origin.encode() + b"\n\x01" + public)[:4]
    signature = signatures.get((origin, key_id))
    if signature is None:
        return None
    try:
        VerifyKey(public).verify(text.encode(), signature)
    except BadSignatureError:
        refuse("a signature doesn't fit")
    return {"origin": origin, "size": int(size), "root": base64.b64decode(root), "more": more}


def is_included(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    node, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = sha256(b"\x01" + other + found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + other)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def read_record(entry):
    """The fixed record of an event (docs/EVENTS.md, "The checksum")."""
    log_id, rest = entry[:16].hex(), entry[16:]
    generation, partition, position, version, recorded_at = struct.unpack(">IHQHq", rest[:24])
    rest, texts = rest[24:], []
    for _ in range(2):
        (length,) = struct.unpack(">H", rest[:2])
        length = 0 if length == 65535 else length
        texts.append(rest[2 : 2 + length].decode())
        rest = rest[2 + length :]
    if len(rest) != 64:
        refuse("an entry is no fixed record")
    return log_id, generation, partition, position, texts[0], texts[1], rest[:32]


def main(file, key):
    receipt = json.load(open(file, encoding="utf-8"))
    name, _, public = key.split("+", 2)
    public = base64.b64decode(public)[1:]
    log = name.removeprefix("guerdon/").replace("-", "")[:32]
    for handover in receipt.get("handovers", []):
        last = signed_by(public, handover)
        for line in last["more"] if last else []:
            if line.startswith("next-key "):
                public = base64.b64decode(line.split("+", 2)[2])[1:]
    checkpoint = signed_by(public, receipt["checkpoint"])
    if checkpoint is None:
        refuse("the checkpoint isn't signed by this key")
    if not receipt["events"]:
        refuse("it has no events")
    for event in receipt["events"]:
        entry = base64.b64decode(event["entry"])
        log_id, generation, partition, position, kind, account, public_hash = read_record(entry)
        proof = [base64.b64decode(other) for other in event["proof"]]
        leaf = sha256(b"\x00" + entry)
        of_exchange = json.loads(event["public"]).get("exchange_id") == receipt["exchange_id"]
        for holds, why in [
            (log_id == log, "is of another log"),
            (checkpoint["origin"].endswith(f"-{partition}"), "is of another partition"),
            (f"{partition}:{position}" == event["position"], "stands elsewhere"),
            (sha256(event["public"].encode()) == public_hash, "has another public text"),
            (account == receipt["account_id"] and of_exchange, "is of another exchange"),
            (is_included(leaf, position - 1, checkpoint["size"], proof, checkpoint["root"]),
             "isn't in the signed tree"),
        ]:
            if not holds:
                refuse(f"the event at {event['position']} {why}")
        print(event["position"], kind, event["public"])
    print(f"verified: {checkpoint['origin']}, signed at {checkpoint['size']} events")


if __name__ == "__main__":
    main(*sys.argv[1:])
