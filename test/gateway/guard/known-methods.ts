import type { KnownField, KnownMethods } from '../../../src/gateway/guard/policy.ts';

const TEXT: KnownField = { kind: 'text', presence: false };
const NUMBER: KnownField = { kind: 'number', presence: false };
const STATION = { station_id: TEXT };

/** Two names of one number, as protos may have them. */
const COMPRESSION: KnownField = {
  kind: 'enum',
  presence: false,
  values: new Map([
    ['NONE', 0],
    ['ZSTD', 1],
    ['ZSTANDARD', 1],
    ['LZ4', 2],
  ]),
};

/** Request fields of the methods that the tests' policies speak of. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, KnownField>>>> = {
  'sdr.oran.StationService/ListStations': {},
  'sdr.oran.StationService/GetStation': STATION,
  'sdr.oran.AntennaControlService/ListPasses': STATION,
  'sdr.oran.SpectrumMonitorService/GetSpectrum': { ...STATION, fft_size: NUMBER },
  'sdr.oran.SpectrumMonitorService/StreamSpectrum': { ...STATION, fft_size: NUMBER },
  'sdr.oran.IQStreamService/SubscribeIQ': STATION,
  'sdr.oran.IQStreamService/GetStreamStats': STATION,
  'sdr.oran.IQStreamService/DownloadIQ': STATION,
  'sdr.oran.IQStreamService/StartStream': {
    ...STATION,
    band: TEXT,
    sample_rate: NUMBER,
    enable_compression: { kind: 'bool', presence: false },
    compression: COMPRESSION,
    token: { kind: 'bytes', presence: false },
  },
  'sdr.oran.AntennaControlService/GetAntennaStatus': STATION,
  'sdr.oran.AntennaControlService/PointAntenna': STATION,
  'sdr.oran.recording.v1.RecordingService/ListRecordings': STATION,
  'sdr.oran.recording.v1.RecordingService/GetRecording': STATION,
  'sdr.oran.recording.v1.RecordingService/DownloadRecording': STATION,
  'test.Nested/Call': {
    'device.id': TEXT,
    'device.tags': TEXT,
    'device.gain': { kind: 'number', presence: true },
    'device.channel': NUMBER,
    band: { kind: 'enum', presence: false, values: new Map([['C', 0]]) },
  },
  /** Fields of the same names that are not quite the same. */
  'test.Twin/Call': {
    'device.gain': NUMBER,
    'device.rate': NUMBER,
    compression: { ...COMPRESSION, values: new Map([['NONE', 0]]) },
  },
  'passband.Gateway/Whoami': {},
};

/** Fields that state a sample rate, by method. */
const RATES: Readonly<Record<string, readonly string[]>> = {
  'sdr.oran.IQStreamService/StartStream': ['sample_rate'],
  'test.Twin/Call': ['device.rate'],
};
const DOWNLOAD = 'sdr.oran.IQStreamService/DownloadIQ';

/** A stand-in for the descriptors: methods and the fields that their requests have. */
export const knownMethods: KnownMethods = {
  names: () => Object.keys(FIELDS),
  field: (method, fieldPath) => FIELDS[method]?.[fieldPath],
  sampleRates: (method) => ({ request: RATES[method] ?? [], hidden: method === DOWNLOAD }),
};
