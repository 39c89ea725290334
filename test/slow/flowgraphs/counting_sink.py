"""A flowgraph whose every sample says its own number: runs flat out into a ZeroMQ PUB sink, then sends an end in peace.

Arguments: samples, tags (0 or 1), high-water mark of the sink, datatype (cf32_le, ci16_le or ci8), samples a second (0: flat
out). Prints the sink's endpoint, waits for a line on its input, runs, prints `done`, and waits until its input ends.
"""
import sys
import time

import numpy
from gnuradio import blocks, gr, zeromq

SAMPLES, TAGS, HWM, RATE = int(sys.argv[1]), sys.argv[2] == "1", int(sys.argv[3]), float(sys.argv[5])
# The item of each datatype as numpy has it: numbers of one sample, and which bits of its number they are.
NUMPY = {"cf32_le": numpy.float32, "ci16_le": numpy.int16, "ci8": numpy.int8}[sys.argv[4]]
BITS = {"cf32_le": 20, "ci16_le": 15, "ci8": 7}[sys.argv[4]]
SIZE = 2 * numpy.dtype(NUMPY).itemsize
# What is sent slowly at the end, so that nothing of it is dropped.
TAIL = 1000


class Count(gr.sync_block):
    def __init__(self):
        gr.sync_block.__init__(self, "count", None, [(NUMPY, 2)])
        self.made = 0

    def work(self, _, outputs):
        (out,) = outputs
        if self.made >= SAMPLES:
            return -1
        if self.made == SAMPLES - TAIL:
            time.sleep(1)
        end = SAMPLES - TAIL if self.made < SAMPLES - TAIL else SAMPLES
        numbers = numpy.arange(self.made, min(self.made + len(out), end), dtype=numpy.int64)
        count = len(numbers)
        out[:count, 0] = (numbers & ((1 << BITS) - 1)).astype(NUMPY)
        out[:count, 1] = ((numbers >> BITS) & ((1 << BITS) - 1)).astype(NUMPY)
        self.made += count
        return count


graph = gr.top_block()
sink = zeromq.pub_sink(SIZE, 1, "tcp://127.0.0.1:*", 100, TAGS, HWM, "")
source = Count()
# An item of two numbers is one complex sample.
if RATE > 0:
    graph.connect(source, blocks.throttle(SIZE, RATE, True), sink)
else:
    graph.connect(source, sink)
print(sink.last_endpoint(), flush=True)
sys.stdin.readline()
graph.run()
print("done", flush=True)
sys.stdin.read()
