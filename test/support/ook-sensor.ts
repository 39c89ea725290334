/** Samples per second and centre frequency that the bursts below are made for: what rtl_433 listens to unless told. */
export const SENSOR_TUNING = { sampleRateHz: 250_000, centerFrequencyHz: 433_920_000 } as const;

/** What a Rubicson thermometer says (protocol 2 of rtl_433). */
export interface SensorReading {
  /** 0 to 255. */
  readonly id: number;
  /** 1 to 3. */
  readonly channel: number;
  readonly temperatureC: number;
}

/** Offset of the carrier from the centre: in the middle a receiver's own offset would lie. */
const CARRIER_HZ = 20_000;
/** Times of the protocol, microseconds: a pulse, and the gaps behind it for 0, for 1 and between two telegrams. */
const PULSE_US = 500;
const GAP_US = { zero: 1_000, one: 2_000, sync: 4_000 } as const;
/** Thermometers say the same twelve times. */
const TELEGRAMS = 12;

/** CRC-8 of polynomial 0x31, bit by bit. */
function crc8(bytes: readonly number[], start: number): number {
  let crc = start;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x80 ? 0x31 : 0)) & 0xff;
  }
  return crc;
}

/** The 36 bits of a telegram: id, battery and channel, temperature in tenths, 1111, CRC. */
function telegram({ id, channel, temperatureC }: SensorReading): readonly number[] {
  const tenths = Math.round(temperatureC * 10) & 0xfff;
  const head = [id, 0x80 | ((channel - 1) << 4) | (tenths >> 8), tenths & 0xff, 0xf0];
  const check = crc8(head, 0x6c);
  const bytes = [...head.slice(0, 3), 0xf0 | (check >> 4), (check & 0x0f) << 4];
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> (7 - bit)) & 1)).slice(0, 36);
}

/**
 * A transmission as cu8 samples, on-off keyed, with silence before and behind: as an RTL-SDR would receive it, with a
 * unit of noise.
 *
 * @param seconds of it all.
 */
export function sensorBurst(reading: SensorReading, seconds: number): Buffer {
  const { sampleRateHz } = SENSOR_TUNING;
  const samples = (us: number): number => Math.round((us * sampleRateHz) / 1e6);
  const isOn = new Uint8Array(Math.round(seconds * sampleRateHz));
  let at = samples(100_000);
  const pulse = (gapUs: number): void => {
    isOn.fill(1, at, at + samples(PULSE_US));
    at += samples(PULSE_US) + samples(gapUs);
  };
  for (let count = 0; count < TELEGRAMS; count++) {
    for (const bit of telegram(reading)) pulse(bit === 1 ? GAP_US.one : GAP_US.zero);
    pulse(GAP_US.sync);
  }
  if (at + samples(200_000) > isOn.length) throw new RangeError(`${seconds} s are too short for a transmission`);
  const bytes = Buffer.alloc(2 * isOn.length);
  let noise = 1;
  const hiss = (): number => {
    noise = (Math.imul(noise, 1_664_525) + 1_013_904_223) >>> 0;
    return noise / 2 ** 32 - 0.5;
  };
  isOn.forEach((on, index) => {
    const phase = (2 * Math.PI * CARRIER_HZ * index) / sampleRateHz;
    bytes[2 * index] = Math.round(127.5 + 90 * on * Math.cos(phase) + 3 * hiss());
    bytes[2 * index + 1] = Math.round(127.5 + 90 * on * Math.sin(phase) + 3 * hiss());
  });
  return bytes;
}
