import type { KnownMethods } from '../../../src/gateway/guard/policy.ts';

const STATION = ['station_id'];

/** Request fields of the methods that the tests' policies speak of. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'sdr.oran.StationService/ListStations': [],
  'sdr.oran.StationService/GetStation': STATION,
  'sdr.oran.SpectrumMonitorService/GetSpectrum': [...STATION, 'fft_size'],
  'sdr.oran.SpectrumMonitorService/StreamSpectrum': [...STATION, 'fft_size'],
  'sdr.oran.IQStreamService/SubscribeIQ': STATION,
  'sdr.oran.IQStreamService/GetStreamStats': STATION,
  'sdr.oran.IQStreamService/DownloadIQ': STATION,
  'sdr.oran.IQStreamService/StartStream': [...STATION, 'band'],
  'sdr.oran.AntennaControlService/GetAntennaStatus': STATION,
  'sdr.oran.AntennaControlService/PointAntenna': STATION,
  'test.Nested/Call': ['device', 'device.id', 'device.tags'],
  'passband.Gateway/Whoami': [],
};

/** A stand-in for the descriptors: methods and the fields that their requests have. */
export const knownMethods: KnownMethods = {
  names: () => Object.keys(FIELDS),
  field: (method, fieldPath) => (FIELDS[method]?.includes(fieldPath) ? { kind: 'text', presence: false } : undefined),
  sampleRates: () => ({ request: [], hidden: false }),
};
