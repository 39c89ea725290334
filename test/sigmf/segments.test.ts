import { describe, expect, it } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { parseSigmfMetadata } from '../../src/sigmf/metadata.ts';
import { type Segment, segmentsOf } from '../../src/sigmf/segments.ts';

/** Segments of a recording of ci8 at 1000 samples/s whose data file has so many bytes. */
function segments(captures: readonly object[], bytes: number, global: object = {}): readonly Segment[] {
  const text = JSON.stringify({
    global: { 'core:datatype': 'ci8', 'core:version': '1.2.5', 'core:sample_rate': 1000, ...global },
    captures,
    annotations: [],
  });
  return segmentsOf(parseSigmfMetadata(text, 'x.sigmf-meta'), 2, bytes, { meta: 'x.sigmf-meta', data: 'x.sigmf-data' });
}

const capture = (start: number, more: object = {}): object => ({ 'core:sample_start': start, ...more });
const at = (datetime: string): object => ({ 'core:datetime': datetime });
const index = (globalIndex: number): object => ({ 'core:global_index': globalIndex });
const frequency = (hz: number): object => ({ 'core:frequency': hz });
const NEW_YEAR_NS = 1_767_225_600_000_000_000n;

describe('the segments of a recording', () => {
  it('without captures are one, of no known frequency and time', () => {
    expect(segments([], 20)).toEqual([
      { byteOffset: 0, samples: 10, index: 0, frequencyHz: 0, timestampNs: undefined },
    ]);
  });

  it('have their own frequency and time, and nothing carries over but the count', () => {
    const found = segments(
      [
        capture(0, { ...frequency(100), ...at('2026-01-01T00:00:00Z') }),
        capture(3, frequency(200)),
        capture(7, at('2026-01-01T00:01:00Z')),
      ],
      20,
    );
    expect(found).toEqual([
      { byteOffset: 0, samples: 3, index: 0, frequencyHz: 100, timestampNs: NEW_YEAR_NS },
      // Three samples later.
      { byteOffset: 6, samples: 4, index: 3, frequencyHz: 200, timestampNs: NEW_YEAR_NS + 3_000_000n },
      { byteOffset: 14, samples: 3, index: 7, frequencyHz: 0, timestampNs: NEW_YEAR_NS + 60_000_000_000n },
    ]);
  });

  it('leave the gaps that core:global_index states, to the sample', () => {
    const found = segments([capture(0, index(1000)), capture(4, index(1504)), capture(6, index(1506))], 20);
    // The third goes on where the second ends: it is none of its own.
    expect(found.map(({ index: from, samples }) => [from, samples])).toEqual([
      [0, 4],
      [504, 6],
    ]);
  });

  it('count the time of a gap, and backwards from the first capture that states one', () => {
    const found = segments(
      [capture(0, index(0)), capture(4, { ...index(504), ...at('2026-01-01T00:00:00Z') }), capture(6, index(1006))],
      20,
    );
    expect(found.map(({ timestampNs }) => timestampNs)).toEqual([
      NEW_YEAR_NS - 504_000_000n,
      NEW_YEAR_NS,
      NEW_YEAR_NS + 502_000_000n,
    ]);
  });

  it('are one where captures differ in nothing but the rounding of their times', () => {
    const found = segments(
      [capture(0, at('2026-01-01T00:00:00.000Z')), capture(5, at('2026-01-01T00:00:00.0055Z'))],
      20,
    );
    expect(found).toHaveLength(1);
  });

  it('are two where the time jumps', () => {
    const found = segments([capture(0, at('2026-01-01T00:00:00.000Z')), capture(5, at('2026-01-01T00:00:00.1Z'))], 20);
    expect(found.map(({ index: from }) => from)).toEqual([0, 5]);
  });

  it('lie behind the headers of their own, and end before the trailing bytes', () => {
    const found = segments([capture(0, { 'core:header_bytes': 4 }), capture(5, { 'core:header_bytes': 4 })], 33, {
      'core:dataset': 'x.dat',
      'core:trailing_bytes': 5,
    });
    // The places are those of the example in the standard, for a smaller file.
    expect(found.map(({ byteOffset, samples }) => [byteOffset, samples])).toEqual([
      [4, 5],
      [18, 5],
    ]);
  });

  it('begin where core:offset says, captures before it included', () => {
    const global = { 'core:offset': 1000 };
    const found = segments(
      [capture(900, { ...frequency(1), ...at('2026-01-01T00:00:00Z') }), capture(1004, frequency(2))],
      20,
      global,
    );
    expect(found).toEqual([
      { byteOffset: 0, samples: 4, index: 0, frequencyHz: 1, timestampNs: NEW_YEAR_NS + 100_000_000n },
      { byteOffset: 8, samples: 6, index: 4, frequencyHz: 2, timestampNs: NEW_YEAR_NS + 104_000_000n },
    ]);
  });

  it('include what lies before the first capture, without a gap of its making', () => {
    const found = segments([capture(4, { ...frequency(5), ...index(5000) })], 20);
    expect(found.map(({ index: from, samples, frequencyHz }) => [from, samples, frequencyHz])).toEqual([
      [0, 4, 0],
      [4, 6, 5],
    ]);
  });

  it('ignore captures of samples that do not exist', () => {
    const found = segments([capture(0, frequency(1)), capture(10, frequency(2)), capture(50, frequency(3))], 20);
    expect(found.map(({ frequencyHz, samples }) => [frequencyHz, samples])).toEqual([[1, 10]]);
  });

  it.each([
    ['half a sample', [capture(0)], 21, {}, /^x\.sigmf-data: 21 bytes are no whole number of ci8 samples/],
    ['no sample', [capture(0)], 0, {}, /^x\.sigmf-data: holds no samples/],
    [
      'nothing but a header',
      [capture(0, { 'core:header_bytes': 20 })],
      20,
      { 'core:dataset': 'x.dat' },
      /^x\.sigmf-data: holds no samples/,
    ],
    [
      'headers longer than the file',
      [capture(0, { 'core:header_bytes': 30 })],
      20,
      { 'core:dataset': 'x.dat' },
      /-10 bytes without headers/,
    ],
    [
      'an index that goes back',
      [capture(0, index(10)), capture(5, index(14))],
      20,
      {},
      /captures\[1\]\.core:global_index goes back/,
    ],
    [
      'an index that only one states',
      [capture(0, index(10)), capture(5)],
      20,
      {},
      /captures\[1\]\.core:global_index goes back/,
    ],
    ['an index beyond all days', [capture(0), capture(5, index(2 ** 50))], 20, {}, /spans more than/],
  ])('refuse %s', (_name, captures, bytes, global, message) => {
    expect(() => segments(captures, bytes, global)).toThrow(UsageError);
    expect(() => segments(captures, bytes, global)).toThrow(message);
  });
});
