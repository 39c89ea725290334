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
        { sampleStart: 0, frequencyHz: 1090e6, datetime: '2026-01-01T00:00:00.5Z', globalIndex: undefined },
        { sampleStart: 500, frequencyHz: 1090e6, datetime: undefined, globalIndex: 900 },
      ],
      annotationCount: 2,
    });
  });

  it.each(['cf32_le', 'cf32_be', 'ci16_le', 'ri8', 'cu8', 'rf64_le'])('knows %s as a datatype', (datatype) => {
    expect(parse(global('core:datatype', datatype)).datatype).toBe(datatype);
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
    ['a rate as text', global('core:sample_rate', '2e6'), /core:sample_rate must be a number/],
    ['a rate of 0', global('core:sample_rate', 0), /core:sample_rate must be positive/],
    ['a short hash', global('core:sha512', 'ab'), /core:sha512 must be 128/],
    ['no captures', { ...good, captures: undefined }, /captures is missing/],
    ['a capture that is text', { ...good, captures: ['x'] }, /captures\[0\] must be an object/],
    ['a capture without start', capture({ 'core:sample_start': undefined }), /captures\[0\]\.core:sample_start/],
    ['a negative start', capture({ 'core:sample_start': -1 }), /captures\[0\]\.core:sample_start/],
    ['half a sample', capture({ 'core:sample_start': 0.5 }), /captures\[0\]\.core:sample_start/],
    ['a header in the data', capture({ 'core:header_bytes': 44 }), /captures\[0\]\.core:header_bytes must be 0/],
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
