"""Sends a file of samples, or a tone of half of full scale above a little noise, in real time into a ZeroMQ PUB sink.

The sink passes tags. Arguments: samples a second, bytes of a sample, and the file's name or `tone:HZ`. Prints the sink's
endpoint, begins when a line comes, and goes on until its input ends (a file may end before).
"""
import sys

from gnuradio import analog, blocks, gr, zeromq

RATE, SIZE, WHAT = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

graph = gr.top_block()
sink = zeromq.pub_sink(SIZE, 1, "tcp://127.0.0.1:*", 100, True, -1, "")
if WHAT.startswith("tone:"):
    source = blocks.add_cc()
    graph.connect(analog.sig_source_c(RATE, analog.GR_COS_WAVE, float(WHAT[5:]), 0.5), (source, 0))
    graph.connect(analog.noise_source_c(analog.GR_GAUSSIAN, 0.006, 5), (source, 1))
else:
    source = blocks.file_source(SIZE, WHAT, False)
graph.connect(source, blocks.throttle(SIZE, RATE, True), sink)
print(sink.last_endpoint(), flush=True)
sys.stdin.readline()
graph.start()
sys.stdin.read()
graph.stop()
graph.wait()
