#!/usr/bin/env python3
"""Verifies a receipt of an exchange with nothing but the log's key:

    pip install pynacl
    python3 verify_receipt.py RECEIPT.json 'guerdon/...+530d903a+AekyeR...'

It shares no code with the ledger. The formats are in TRANSPARENCY.md and EVENTS.md.
"""

import base64
import hashlib
import json
import struct
import sys

try:
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey
except ImportError:
    sys.exit("PyNaCl is missing: pip install pynacl")


class Refused(Exception):
    """What is wrong with the receipt."""


def sha256(data):
    return hashlib.sha256(data).digest()


def key_id(name, public):
    return sha256(name.encode() + b"\n\x01" + public)[:4]


def read_key(text):
    """A verifier key, NAME+ID+KEY: its name and its 32 bytes."""
    name, id_in_hex, key = text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    kind, public = key[:1], key[1:]
    if kind != b"\x01" or len(public) != 32 or bytes.fromhex(id_in_hex) != key_id(name, public):
        raise Refused("the key can't be used: a letter of it is wrong")
    return name, public


def read_origin(origin):
    """guerdon/LOG-GENERATION-PARTITION: log and partition, and the generation."""
    log, generation, partition = origin.removeprefix("guerdon/").rsplit("-", 2)
    return (log, int(partition)), int(generation)


class Checkpoint:
    """A signed checkpoint, whose signatures are still to be verified."""

    def __init__(self, note):
        text, _, signatures = note.rpartition("\n\n")
        self.text, self.signatures = text + "\n", {}
        for line in signatures.splitlines():
            _, name, signature = line.split(" ")
            signature = base64.b64decode(signature, validate=True)
            self.signatures[name, signature[:4]] = signature[4:]
        self.origin, size, root, *self.more = text.split("\n")
        self.of, generation = read_origin(self.origin)
        self.at, self.root = (generation, int(size)), base64.b64decode(root, validate=True)

    def is_signed_by(self, public):
        signature = self.signatures.get((self.origin, key_id(self.origin, public)))
        if signature is None:
            return False
        VerifyKey(public).verify(self.text.encode(), signature)
        return True


def check_signer(checkpoint, handovers, public):
    """A key signs until a checkpoint of its own names the next key, and that one from there on."""
    first, keys = (0, 0), []
    for handover in map(Checkpoint, handovers):
        names = [line.split(" ")[1] for line in handover.more if line.startswith("next-key ")]
        if handover.of == checkpoint.of and names and handover.is_signed_by(public):
            keys.append((public, first, handover.at))
            public, first = read_key(names[0])[1], handover.at
    keys.append((public, first, (sys.maxsize, 0)))
    signers = [it for it in keys if checkpoint.is_signed_by(it[0])]
    if not signers:
        raise Refused("the checkpoint isn't signed by this key")
    if not any(first <= checkpoint.at <= last for _, first, last in signers):
        raise Refused("the checkpoint is signed by a key outside its range")


def is_included(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    node, last, found = index, size - 1, leaf
    if not 0 <= index < size:
        return False
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
    """The fixed record of an event (EVENTS.md, "The checksum")."""
    log = entry[:16].hex()
    generation, partition, position, _version, _time = struct.unpack(">IHQHq", entry[16:40])
    rest, texts = entry[40:], []
    for _ in range(2):
        (length,) = struct.unpack(">H", rest[:2])
        end = 2 + (0 if length == 65535 else length)
        texts.append(None if length == 65535 else rest[2:end].decode())
        rest = rest[end:]
    if len(rest) != 64:
        raise Refused("an entry is no fixed record")
    return log, generation, partition, position, *texts, rest[:32]


def verify(receipt, key):
    name, public = read_key(key)
    checkpoint = Checkpoint(receipt["checkpoint"])
    if checkpoint.of != read_origin(name)[0]:
        raise Refused("the checkpoint is of another log or partition than the key")
    check_signer(checkpoint, receipt["handovers"], public)
    (log, of_partition), (of_generation, size) = checkpoint.of, checkpoint.at
    before, types, story = 0, [], []
    for event in receipt["events"]:
        entry = base64.b64decode(event["entry"], validate=True)
        of_log, generation, partition, position, kind, account, hashed = read_record(entry)
        proof = [base64.b64decode(other, validate=True) for other in event["proof"]]
        leaf, said = sha256(b"\x00" + entry), json.loads(event["public"])
        for holds, why in [
            (f"{partition}:{position}" == event["position"], "stands elsewhere"),
            (of_log == log.replace("-", ""), "is of another log"),
            (partition == of_partition, "is of another partition"),
            (generation <= of_generation, "is of a later generation"),
            (kind == event["type"], "is of another type"),
            (sha256(event["public"].encode()) == hashed, "has another public text"),
            (account == receipt["account_id"], "is of another account"),
            (said.get("exchange_id") == receipt["exchange_id"], "is of another exchange"),
            (is_included(leaf, position - 1, size, proof, checkpoint.root), "isn't in the tree"),
            (position > before, "isn't in the order of the log, or is there twice"),
        ]:
            if not holds:
                raise Refused(f"the event at {event['position']} {why}")
        before = position
        types.append(kind)
        story.append(f"{event['position']} {kind} {event['public']}")
    if "exchange-created" not in types:
        raise Refused("it has no exchange-created event, and so proves no exchange")
    print(*story, sep="\n")
    print(f"verified: {checkpoint.origin} of {size} events has these {len(types)}")


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            verify(json.load(file), sys.argv[2])
    except (Refused, CryptoError) as error:
        sys.exit(f"refused: {error}")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        sys.exit(f"refused: it can't be read: {error!r}")
