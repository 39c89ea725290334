import { describe, expect, it, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { readSampleBatch } from '../../../../src/backend/iq/push/sample-batch.ts';
import { messageType } from '../../../../src/backend/protos.ts';

// What protobufjs writes and reads is the oracle.
const IQ_SAMPLE_BATCH = messageType('sdr.oran.IQSampleBatch');
const FULL = {
  station_id: 'gs-1',
  band: 'Ku-band',
  timestamp_ns: '1767225600000000001',
  sequence_number: '18446744073709551615',
  center_frequency_hz: 1.0900000001e9,
  sample_rate: 2_400_000.5,
  samples: [0, -0, 1, -1, 1e-45, Number.NaN],
  compressed_samples: Buffer.from([1, 2, 3]),
  snr_db: -3.5,
  receive_power_dbm: -97.25,
  agc_locked: true,
  doppler_shift_hz: -4711.5,
};
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** Fields as they are written by hand: number, wire type, contents. */
function fields(...each: readonly (readonly [number, number, Uint8Array])[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const [fieldNumber, wireType, contents] of each) {
    writer.uint32(fieldNumber * 8 + wireType);
    if (wireType === 2) writer.bytes(contents);
    else writer.raw(contents);
  }
  return writer.finish();
}

describe('readSampleBatch', () => {
  it('reads every field as protobufjs writes it', () => {
    const encoded = IQ_SAMPLE_BATCH.serialize(FULL);
    // At an odd address, as it comes from the network.
    const message = Buffer.concat([Buffer.alloc(1), encoded]).subarray(1);
    const { samples, compressed_samples, ...rest } = readSampleBatch(message);
    const { samples: values, compressed_samples: compressed, ...others } = FULL;
    expect(rest).toEqual(others);
    expect(Buffer.from(samples)).toEqual(floats(...values));
    expect(Buffer.from(compressed_samples)).toEqual(compressed);
    // The very bytes of the message.
    expect(samples.buffer).toBe(message.buffer);
  });

  it('gives an empty message the values that protobufjs gives it', () => {
    const { samples, compressed_samples, ...rest } = readSampleBatch(new Uint8Array());
    expect([samples.length, compressed_samples.length]).toEqual([0, 0]);
    expect(IQ_SAMPLE_BATCH.deserialize(Buffer.alloc(0))).toMatchObject(rest);
  });

  test.each([
    ['packed', fields([7, 2, floats(1, 2, 3, 4)])],
    ['packed in several pieces', fields([7, 2, floats(1)], [7, 2, floats(2, 3)], [7, 2, floats()], [7, 2, floats(4)])],
    ['unpacked', fields([7, 5, floats(1)], [7, 5, floats(2)], [7, 5, floats(3)], [7, 5, floats(4)])],
    [
      'packed and unpacked, between other fields',
      fields(
        [7, 2, floats(1, 2)],
        [1, 2, Buffer.from('gs-1')],
        [7, 5, floats(3)],
        [9, 1, Buffer.alloc(8)],
        [7, 2, floats(4)],
      ),
    ],
    [
      'between fields that nobody knows',
      fields([99, 2, Buffer.alloc(9)], [7, 2, floats(1, 2, 3, 4)], [98, 0, Buffer.from([0x80, 1])], [97, 5, floats(1)]),
    ],
    // An IQFrame's groups were never used; a decoder must skip them all the same.
    [
      'behind a group',
      fields([50, 3, Buffer.alloc(0)], [1, 2, Buffer.from('x')], [50, 4, Buffer.alloc(0)], [7, 2, floats(1, 2, 3, 4)]),
    ],
    ['beside a field 7 of another wire type', fields([7, 0, Buffer.from([1])], [7, 2, floats(1, 2, 3, 4)])],
  ])('takes floats that are %s, as protobufjs does', (_, message) => {
    const batch = readSampleBatch(message);
    expect(batch.unreadable).toBeUndefined();
    expect(Buffer.from(batch.samples)).toEqual(floats(1, 2, 3, 4));
  });

  it('takes the last of a field that comes twice', () => {
    const message = fields(
      [1, 2, Buffer.from('gs-1')],
      [4, 0, Buffer.from([1])],
      [1, 2, Buffer.from('gs-2')],
      [4, 0, Buffer.from([2])],
    );
    expect(readSampleBatch(message)).toMatchObject({ station_id: 'gs-2', sequence_number: '2' });
    expect(IQ_SAMPLE_BATCH.deserialize(Buffer.from(message))).toMatchObject({
      station_id: 'gs-2',
      sequence_number: '2',
    });
  });

  test.each([
    ['is cut off within a field', IQ_SAMPLE_BATCH.serialize(FULL).subarray(0, 60)],
    ['has a length beyond its end', Buffer.from([0x3a, 0x80, 0x80, 0x80, 0x80, 0x08])],
    ['has floats that end within one', fields([7, 2, Buffer.alloc(6)])],
    ['has a tag that is none', Buffer.from([0, 0])],
    ['has a wire type that is none', Buffer.from([0x3f, 0])],
    ['has a varint without an end', Buffer.alloc(16, 0xff)],
    ['has a group without an end', Buffer.from([0x93, 0x03])],
  ])('says that a message is none when it %s', (_, message) => {
    expect(readSampleBatch(message).unreadable).toMatchObject({
      code: 'INVALID_ARGUMENT',
      publicMessage: 'the message is no sdr.oran.IQSampleBatch',
    });
  });

  it('gathers a million floats one by one in memory that is bounded by the message', () => {
    const message = Buffer.alloc(5 * 800_000);
    for (let at = 0; at < message.length; at += 5) {
      message[at] = 0x3d;
      message.writeFloatLE(at, at + 1);
    }
    const before = process.memoryUsage().arrayBuffers;
    const { samples } = readSampleBatch(message);
    expect(samples.length).toBe(4 * 800_000);
    expect(Buffer.from(samples).readFloatLE(4 * 799_999)).toBe(Math.fround(5 * 799_999));
    expect(samples.buffer.byteLength).toBe(message.length);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * message.length);
  });
});
