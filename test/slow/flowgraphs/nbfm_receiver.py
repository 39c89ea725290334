"""Demodulates narrow-band FM: cf32_le samples from a file to 16-bit audio at 22,050 Hz, raw, in another.

No block of GNU Radio is in it: it is no peer of the transmitter. Arguments: samples, audio, samples a second.
"""
import sys

import numpy
from scipy import signal

RATE, AUDIO_RATE, MAX_DEVIATION, TAU_S = int(sys.argv[3]), 22_050, 5e3, 75e-6
samples = numpy.fromfile(sys.argv[1], "<c8")
frequency = numpy.angle(samples[1:] * samples[:-1].conj()) * RATE / (2 * numpy.pi)
# What the transmitter raised of the high tones goes down again.
pole = numpy.exp(-1 / (TAU_S * RATE))
flat = signal.lfilter([1 - pole], [1, -pole], frequency / MAX_DEVIATION)
audio = signal.resample_poly(flat, AUDIO_RATE, RATE)
(numpy.clip(audio, -1, 1) * 32767).astype("<i2").tofile(sys.argv[2])
