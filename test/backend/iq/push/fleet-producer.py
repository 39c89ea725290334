"""A producer of the fleet: Python, grpcio, and stubs made of the fleet's own contract.

usage: fleet-producer.py PROTO_DIR STUBS_DIR PORT CA CERT KEY STATION
Pushes six batches of the station's samples: two as they are, two by Zstandard, two by LZ4. Waits for the acknowledgement of
each, and prints it. Then it waits until its input ends, and how the call ended comes last.
"""

import queue
import struct
import sys

import grpc
import lz4.frame
import zstandard
from grpc_tools import protoc

proto_dir, stubs_dir, port, ca, cert, key, station = sys.argv[1:8]
made = protoc.main(
    ["protoc", f"-I{proto_dir}", f"--python_out={stubs_dir}", f"--grpc_python_out={stubs_dir}", "sdr_oran.proto"]
)
if made != 0:
    sys.exit("the stubs could not be made")
sys.path.insert(0, stubs_dir)

import sdr_oran_pb2 as messages  # noqa: E402
import sdr_oran_pb2_grpc as services  # noqa: E402

SAMPLES = 8192
START_NS = 1_767_225_600_000_000_000


def read(path):
    with open(path, "rb") as file:
        return file.read()


def values(batch):
    """Noise that anybody can make again: a linear congruential generator, upper 16 bits."""
    state = batch
    for _ in range(2 * SAMPLES):
        state = (state * 1664525 + 1013904223) % 2**32
        yield (state // 2**16 - 32768) / 32768


def message(number):
    fields = {
        "station_id": station,
        "band": "Ku-band",
        "timestamp_ns": START_NS + number * SAMPLES * 1000,
        "sequence_number": number,
        "center_frequency_hz": 12.5e9,
        "sample_rate": 1e6,
        "snr_db": 11.5,
        "agc_locked": True,
    }
    packed = struct.pack(f"<{2 * SAMPLES}f", *values(number))
    if number < 2:
        return messages.IQSampleBatch(samples=values(number), **fields)
    compress = zstandard.ZstdCompressor().compress if number < 4 else lz4.frame.compress
    return messages.IQSampleBatch(compressed_samples=compress(packed), **fields)


credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
    iq = services.IQStreamServiceStub(channel)
    started = iq.StartStream(messages.StreamConfig(station_id=station, center_frequency_hz=12.5e9, sample_rate=1e6))
    print("started", started.success, flush=True)
    batches = queue.Queue()
    acks = iq.StreamIQ(iter(batches.get, None))
    try:
        for number in range(6):
            batches.put(message(number))
            ack = next(acks)
            print("ack", ack.acked_sequence, ack.packets_received, ack.packets_lost, ack.processing_latency_ms >= 0, flush=True)
        sys.stdin.read()
        batches.put(None)
        print("end", [ack.acked_sequence for ack in acks], acks.code().name, flush=True)
    except grpc.RpcError as error:
        print("end", error.code().name, error.details(), flush=True)
