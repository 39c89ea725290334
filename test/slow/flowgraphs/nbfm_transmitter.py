"""Transmits a mono WAV file in narrow-band FM, between silences, into a ZeroMQ PUB sink that passes tags.

Arguments: WAV file, seconds of silence before and after. Prints the sink's endpoint, its sample rate and the seconds of
sound, then transmits in real time once a line comes, until its input ends.
"""
import sys
import wave

import numpy
from gnuradio import analog, blocks, gr, zeromq

SILENCE_S = float(sys.argv[2])
with wave.open(sys.argv[1]) as file:
    audio_rate = file.getframerate()
    sound = numpy.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
rate = 4 * audio_rate
silence = numpy.zeros(int(SILENCE_S * audio_rate))

graph = gr.top_block()
sink = zeromq.pub_sink(gr.sizeof_gr_complex, 1, "tcp://127.0.0.1:*", 100, True, -1, "")
graph.connect(
    blocks.vector_source_f(numpy.concatenate([silence, sound, silence]).tolist(), False),
    analog.nbfm_tx(audio_rate=audio_rate, quad_rate=rate, tau=75e-6, max_dev=5e3),
    blocks.multiply_const_cc(0.5),
    blocks.throttle(gr.sizeof_gr_complex, rate, True),
    sink,
)
print(sink.last_endpoint(), rate, len(sound) / audio_rate, flush=True)
sys.stdin.readline()
graph.start()
sys.stdin.read()
graph.stop()
graph.wait()
