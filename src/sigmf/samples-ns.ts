/** How long samples last at a rate, nanoseconds. */
export function samplesNs(samples: number, sampleRateHz: number): bigint {
  return BigInt(Math.round((samples / sampleRateHz) * 1e9));
}
