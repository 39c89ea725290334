"""Reads a .sigmf archive as a stranger does, and tells as JSON what is in it; fails on whatever SigMF does not allow."""

import hashlib
import json
import sys
import tarfile

import jsonschema

SAMPLE_BYTES = {"cf32_le": 8, "ci16_le": 4, "ci8": 2, "cu8": 2}

archive, *schemas = sys.argv[1:]
with tarfile.open(archive, "r:") as tar:
    members = tar.getmembers()
    assert len(members) == 2 and all(member.isfile() for member in members), members
    (meta,) = [member for member in members if member.name.endswith(".sigmf-meta")]
    (data,) = [member for member in members if member.name.endswith(".sigmf-data")]
    assert meta.name[:-5] == data.name[:-5], members
    metadata = json.load(tar.extractfile(meta))
    samples = tar.extractfile(data).read()

for schema in schemas:
    with open(schema) as file:
        jsonschema.Draft202012Validator(json.load(file)).validate(metadata)
assert schemas, "held to no schema"
assert hashlib.sha512(samples).hexdigest() == metadata["global"]["core:sha512"], "another hash"
assert len(samples) % SAMPLE_BYTES[metadata["global"]["core:datatype"]] == 0, "part of a sample"
starts = [capture["core:sample_start"] for capture in metadata["captures"]]
assert starts == sorted(set(starts)) and starts[0] == 0, starts
json.dump({"name": data.name[:-11], "bytes": len(samples), "captures": metadata["captures"]}, sys.stdout)
