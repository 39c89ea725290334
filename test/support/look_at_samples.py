"""Looks at samples that were received, with numpy and scipy alone; prints one JSON object for each line of its input.

A line is a JSON object: `name`; `rate`; `received` and `datatype`, a file of samples; `measured` and `own`, a file of the
samples of which a spectrum was made (Hann, tone power) and their datatype; `spectrumDb`, that spectrum. Printed are the
name, the strongest frequency of the samples (Hz), how far its mirror is below it (dB), and by how much the spectrum differs
from Welch's estimate at most (dB; less what the 32-bit floats of the answer cannot hold).
"""
import json
import sys

import numpy
import scipy.signal

# numpy's name, full scale and zero.
FORMATS = {"cf32_le": ("<f4", 1, 0), "ci16_le": ("<i2", 32767, 0), "ci8": ("i1", 127, 0), "cu8": ("u1", 127.5, 127.5)}


def samples_of(file, datatype):
    """As 32-bit floats have them, in which the backend measures."""
    code, scale, zero = FORMATS[datatype]
    values = ((numpy.fromfile(file, code).astype(float) - zero) / scale).astype("<f4").astype(float)
    return values[0::2] + 1j * values[1::2]


for line in sys.stdin:
    case = json.loads(line)
    received = samples_of(case["received"], case["datatype"])
    power = abs(numpy.fft.fft(received * scipy.signal.get_window("blackmanharris", len(received)))) ** 2
    peak = int(power.argmax())
    mirror = max(power[(-peak + near) % len(power)] for near in range(-3, 4))
    answer = numpy.array(case["spectrumDb"], dtype="<f4")
    _, welch = scipy.signal.welch(samples_of(case["measured"], case["own"]), fs=case["rate"], window="hann",
                                  nperseg=len(answer), detrend=False, return_onesided=False, scaling="spectrum")
    error = abs(answer.astype(float) - 10 * numpy.log10(numpy.fft.fftshift(welch)))
    print(json.dumps({
        "name": case["name"],
        "peakHz": numpy.fft.fftfreq(len(received), 1 / case["rate"])[peak],
        "mirrorDb": 10 * numpy.log10(power[peak] / mirror),
        "errorDb": float((error - numpy.spacing(abs(answer)) / 2).max()),
    }))
