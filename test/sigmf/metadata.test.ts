import { describe, expect, it } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { parseSigmfMetadata } from '../../src/sigmf/metadata.ts';

const good = {
  global: {
    'core:datatype': 'cu8',
    'core:version': '1.2.5',
    'core:sample_rate': 2e6,
    'core:sha512': 'AB'.repeat(64),
    'core:description': 'a recording',
  },
  captures: [
    { 'core:sample_start': 0, 'core:frequency': 1090e6, 'core:datetime': '2026-01-01T00:00:00.5Z' },
    { 'core:sample_start': 500, 'core:frequency': 1090e6, 'core:global_index': 900 },
  ],
  annotations: [{ 'core:sample_start': 3 }, { 'core:sample_start': 3, 'core:sample_count': 9 }],
};

const parse = (value: unknown): ReturnType<typeof parseSigmfMetadata> =>
  parseSigmfMetadata(typeof value === 'string' ? value : JSON.stringify(value), 'x.sigmf-meta');

/** The good one with a member of its global object replaced; undefined removes it. */
const global = (key: string, value: unknown): object => ({ ...good, global: { ...good.global, [key]: value } });
const capture = (members: object): object => ({ ...good, captures: [{ ...good.captures[0], ...members }] });

describe('SigMF metadata', () => {
  it('is read', () => {
    expect(parse(good)).toEqual({
      datatype: 'cu8',
      version: '1.2.5',
      sampleRateHz: 2e6,
      sha512: 'ab'.repeat(64),
      description: 'a recording',
      captures: [
        {
          sampleStart: 0,
          frequencyHz: 1090e6,
          datetime: '2026-01-01T00:00:00.5Z',
          timestampNs: 1_767_225_600_500_000_000n,
          globalIndex: undefined,
          headerBytes: 0,
        },
        {
          sampleStart: 500,
          frequencyHz: 1090e6,
          datetime: undefined,
          timestampNs: undefined,
          globalIndex: 900,
          headerBytes: 0,
        },
      ],
      channels: 1,
      offset: 0,
      dataset: undefined,
      metadataOnly: false,
      trailingBytes: 0,
      annotationCount: 2,
    });
  });

  it.each(['cf32_le', 'cf32_be', 'ci16_le', 'ri8', 'cu8', 'rf64_le'])('knows %s as a datatype', (datatype) => {
    expect(parse(global('core:datatype', datatype)).datatype).toBe(datatype);
  });

  it.each([
    ['optional extensions', global('core:extensions', [{ name: 'radar', version: '1.0.0', optional: true }])],
    ['namespaces of others, as it must', global('radar:pulse', { width: 3 })],
    ['objects of others at the top', { ...good, 'radar:sites': [] }],
    ['no captures in their list', { ...good, captures: [] }],
    [
      'headers, where the data file is named',
      {
        ...capture({ 'core:header_bytes': 44 }),
        global: { ...good.global, 'core:dataset': 'x.wav', 'core:trailing_bytes': 8 },
      },
    ],
  ])('takes %s', (_name, value) => {
    expect(() => parse(value)).not.toThrow();
  });

  it('takes fields of a later version', () => {
    const later = { ...good.global, 'core:version': '1.9.0', 'core:colour': 'red' };
    expect(() => parse({ ...good, global: later })).not.toThrow();
  });

  it.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['2026-01-01T00:00:00.123456789Z', 1_767_225_600_123_456_789n],
    ['2026-01-01T00:00:00.1234567899Z', 1_767_225_600_123_456_789n],
    ['2016-12-31T23:59:60Z', 1_483_228_800_000_000_000n],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000_000_000n],
    ['1969-12-31T23:59:59.5Z', -500_000_000n],
  ])('reads the time %s to the nanosecond', (datetime, timestampNs) => {
    expect(parse(capture({ 'core:datetime': datetime })).captures[0]?.timestampNs).toBe(timestampNs);
  });

  it.each([
    ['no JSON', '{"global":', /^x\.sigmf-meta: is no JSON/],
    ['an array', [], /must hold a JSON object/],
    ['null', 'null', /must hold a JSON object/],
    ['no global', { ...good, global: undefined }, /global is missing/],
    ['global as a list', { ...good, global: [] }, /global is missing or no object/],
    ['no datatype', global('core:datatype', undefined), /global\.core:datatype is missing/],
    // The official JSON schema takes these three; the text of the standard does not.
    ['cf32 without byte order', global('core:datatype', 'cf32'), /core:datatype/],
    ['ci8 with byte order', global('core:datatype', 'ci8_le'), /core:datatype/],
    [
      'a time with an offset',
      capture({ 'core:datetime': '2026-01-01T00:00:00+00:00' }),
      /captures\[0\]\.core:datetime/,
    ],
    ['a datatype that is a number', global('core:datatype', 8), /core:datatype must be a string/],
    ['no version', global('core:version', undefined), /core:version is missing/],
    ['a rate as text', global('core:sample_rate', '2e6'), /core:sample_rate must be a number from 1 to .* samples\/s$/],
    [
      'a rate of 0',
      global('core:sample_rate', 0),
      /core:sample_rate must be a number from 1 to 1000000000000 samples\/s$/,
    ],
    ['a short hash', global('core:sha512', 'ab'), /core:sha512 must be 128/],
    ['no captures', { ...good, captures: undefined }, /captures is missing/],
    ['a capture that is text', { ...good, captures: ['x'] }, /captures\[0\] must be an object/],
    ['a capture without start', capture({ 'core:sample_start': undefined }), /captures\[0\]\.core:sample_start/],
    [
      'a negative start',
      capture({ 'core:sample_start': -1 }),
      /\[0\]\.core:sample_start must be a whole number from 0 to 9007199254740991 samples$/,
    ],
    [
      'half a sample',
      capture({ 'core:sample_start': 0.5 }),
      /\[0\]\.core:sample_start must be a whole number .* samples$/,
    ],
    ['half a byte', capture({ 'core:header_bytes': 0.5 }), /\[0\]\.core:header_bytes must be a whole number .* bytes$/],
    [
      'half a trailing byte',
      global('core:trailing_bytes', 0.5),
      /core:trailing_bytes must be a whole number .* bytes$/,
    ],
    ['half an offset', global('core:offset', 0.5), /core:offset must be a whole number .* samples$/],
    [
      'a header in the data',
      capture({ 'core:header_bytes': 44 }),
      /captures\[0\]\.core:header_bytes is for non-conforming datasets only/,
    ],
    ['trailing bytes in a conforming file', global('core:trailing_bytes', 4), /global\.core:trailing_bytes is for non/],
    ['a time that is no day', capture({ 'core:datetime': '2026-02-29T00:00:00Z' }), /captures\[0\]\.core:datetime/],
    ['a time in small letters', capture({ 'core:datetime': '2026-02-28t00:00:00z' }), /captures\[0\]\.core:datetime/],
    ['an hour too many', capture({ 'core:datetime': '2026-02-28T24:00:00Z' }), /captures\[0\]\.core:datetime/],
    [
      'an index that JSON cannot hold',
      capture({ 'core:global_index': 2 ** 53 }),
      /\[0\]\.core:global_index must be .* samples$/,
    ],
    [
      'a frequency beyond the schema',
      capture({ 'core:frequency': 2e12 }),
      /captures\[0\]\.core:frequency must be a number from -1000000000000 to 1000000000000 Hz$/,
    ],
    [
      'a field that core does not have',
      global('core:colour', 'red'),
      /global\.core:colour is not defined by SigMF 1\.2\.5/,
    ],
    ['such a field in a capture', capture({ 'core:sample_rate': 1 }), /captures\[0\]\.core:sample_rate is not defined/],
    ['a field without a namespace', global('colour', 'red'), /global\.colour is no field name/],
    ['a name that begins with a digit', global('me:1st', 1), /global\.me:1st is no field name/],
    [
      'no channel',
      global('core:num_channels', 0),
      /core:num_channels must be a whole number from 1 to 9007199254740991 channels$/,
    ],
    ['a data file elsewhere', global('core:dataset', '../x.bin'), /core:dataset must be the name of a file/],
    ['a data file that is a folder', global('core:dataset', '..'), /core:dataset must be the name of a file/],
    ['a version to come', global('core:version', '2.0.0'), /core:version must be that of a known SigMF/],
    ['a version in words', global('core:version', 'latest'), /core:version/],
    [
      'an extension that must be known',
      global('core:extensions', [{ name: 'radar', version: '1.0.0', optional: false }]),
      /extensions\[0\]\.optional is false, and the extension radar is not supported/,
    ],
    ['an extension without a version', global('core:extensions', [{ name: 'a', optional: true }]), /\[0\]\.version is/],
    ['captures out of order', { ...good, captures: [...good.captures].reverse() }, /captures\[1\].*before/],
    ['no annotations', { ...good, annotations: undefined }, /annotations is missing/],
    ['an annotation without start', { ...good, annotations: [{}] }, /annotations\[0\]\.core:sample_start/],
    ['a file that is too large', `"${'x'.repeat(16 * 1024 * 1024)}"`, /larger than/],
  ])('refuses %s, naming file and field', (_name, value, message) => {
    expect(() => parse(value)).toThrow(UsageError);
    expect(() => parse(value)).toThrow(message);
    expect(() => parse(value)).toThrow(/^x\.sigmf-meta: /);
  });
});
