"""Publishes numbered ci16_le samples as a GNU Radio sink with tags does, and drops two messages of a hundred on purpose.

Prints its endpoint; once somebody subscribes it publishes, in time with its sample rate, and at last prints as JSON
which messages it dropped: the offset of the first sample of each. After those it goes on without a loss until its input
ends. Arguments: messages that may be dropped, samples of each, samples a second, seed.
"""
import json
import random
import struct
import sys
import threading
import time

import numpy
import zmq

MESSAGES, SIZE, RATE = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
random.seed(int(sys.argv[4]))
# The offset that the flowgraph has when it is first heard, and messages before the first that may be dropped.
BEGIN, LEAD = 123_456, 20

socket = zmq.Context().socket(zmq.XPUB)
# What is dropped here is dropped on purpose alone.
socket.sndhwm = 0
port = socket.bind_to_random_port("tcp://127.0.0.1")
print(f"tcp://127.0.0.1:{port}", flush=True)
socket.recv()

over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
dropped = []
begun = time.monotonic()
number = 0
while not over.is_set():
    offset = BEGIN + number * SIZE
    numbers = numpy.arange(offset, offset + SIZE, dtype=numpy.int64)
    items = numpy.stack([numbers & 0x7FFF, numbers >> 15], axis=1).astype("<i2").tobytes()
    if LEAD <= number < MESSAGES and random.random() < 0.02:
        dropped.append(offset)
    else:
        socket.send(struct.pack("<HBQQ", 0x5FF0, 1, offset, 0) + items)
    number += 1
    if number == MESSAGES:
        print(json.dumps(dropped), flush=True)
    time.sleep(max(0.0, begun + number * SIZE / RATE - time.monotonic()))
