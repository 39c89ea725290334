"""A consumer of IQ samples: Python, grpcio, and stubs made of names, types and numbers alone.

usage: iq-consumer.py PROTO_DIR STUBS_DIR PORT CA CERT KEY
Each line of its input is {"request": …, "frames": n, "file": …}. It reads n frames, goes on from the last with a call that
resumes there, and reads n more. It writes their samples into the file and prints what it saw of each frame as a line of JSON.
The second call stays open until the next line comes.
"""

import json
import sys

import grpc
from grpc_tools import protoc

proto_dir, stubs_dir, port, ca, cert, key = sys.argv[1:7]
made = protoc.main(
    ["protoc", f"-I{proto_dir}", f"--python_out={stubs_dir}", f"--grpc_python_out={stubs_dir}", "subscribe_iq.proto"]
)
if made != 0:
    sys.exit("the stubs could not be made")
sys.path.insert(0, stubs_dir)

import subscribe_iq_pb2 as messages  # noqa: E402
import subscribe_iq_pb2_grpc as services  # noqa: E402


def read(path):
    with open(path, "rb") as file:
        return file.read()


def seen(frame):
    return {
        "station": frame.station_id,
        "sequence": frame.sequence_number,
        "index": frame.sample_index,
        "ns": frame.timestamp_ns,
        "hz": frame.center_frequency_hz,
        "rate": frame.sample_rate,
        "datatype": frame.datatype,
        "count": frame.sample_count,
        "bytes": len(frame.data),
        "lost": frame.lost_samples,
        "epoch": frame.epoch,
    }


def take(request, count, frames):
    call = iq.SubscribeIQ(messages.SubscribeIQRequest(**request))
    for frame in call:
        frames.append(frame)
        count -= 1
        if count == 0:
            return call
    sys.exit(f"the stream has ended: {call.code().name} {call.details()}")


credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
    iq = services.IQStreamServiceStub(channel)
    call = None
    for line in sys.stdin:
        order = json.loads(line)
        frames = []
        first = take(order["request"], order["frames"], frames)
        first.cancel()
        after = {"after_sequence": frames[-1].sequence_number, "after_epoch": frames[-1].epoch}
        second = take({**order["request"], **after}, order["frames"], frames)
        if call is not None:
            call.cancel()
        call = second
        with open(order["file"], "wb") as file:
            for frame in frames:
                file.write(frame.data)
        print(json.dumps([seen(frame) for frame in frames]), flush=True)
