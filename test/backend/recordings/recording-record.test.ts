import { expect, it } from '@jest/globals';
import {
  type RecordingRecord,
  readRecord,
  recordingMessage,
} from '../../../src/backend/recordings/recording-record.ts';

const RECORD: RecordingRecord = {
  ...{ recordingId: 's-20260101T000000Z-0000', stationId: 's', state: 'finished', datatype: 'cu8' },
  ...{ sampleRateHz: 1000, centerFrequencyHz: 1e6, samples: 1, bytes: 2, lostSamples: 0, captures: 1 },
  ...{ startNs: '0', endNs: '', sha512: '', reason: '', description: '', startedBy: 'me' },
};

it.each([
  ['-304800894876543211', '-304800895', 123_456_789],
  ['-1000000000', '-1', 0],
  ['-1', '-1', 999_999_999],
  ['0', '0', 0],
  ['1767225599999999999', '1767225599', 999_999_999],
])('is read again when it began and ended at %s ns', (ns, seconds, nanos) => {
  const record = { ...RECORD, startNs: ns, endNs: ns };
  expect(readRecord(JSON.stringify(record))).toEqual(record);
  expect(recordingMessage(record)).toMatchObject({ start_time: { seconds, nanos }, end_time: { seconds, nanos } });
});

it('may have no end yet', () => {
  expect(readRecord(JSON.stringify(RECORD))).toEqual(RECORD);
  expect(recordingMessage(RECORD)).not.toHaveProperty('end_time');
});

it.each([
  ['no start', { startNs: '' }],
  ['a start that is no number', { startNs: '1e9' }],
  ['a sign alone', { endNs: '-' }],
  ['two signs', { startNs: '--1' }],
  ['another state', { state: 'lost' }],
  ['another datatype', { datatype: 'cf64_le' }],
  ['a count that is no number', { samples: '1' }],
])('is none with %s', (_, change) => {
  expect(readRecord(JSON.stringify({ ...RECORD, ...change }))).toBeUndefined();
});
