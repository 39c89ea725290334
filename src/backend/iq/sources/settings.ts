import { FieldFault, type Fields } from '../../stations/fields.ts';
import { GAIN, PORT, PPM } from '../../stations/ranges.ts';
import { DATATYPES, type Datatype, isDatatype } from '../formats.ts';
import type { PushConfig, RtlTcpConfig, SigmfConfig, SourceConfig, ZmqConfig } from './config.ts';
import { inexpressible } from './rtl-tcp-settings.ts';
import { parseSim } from './sim-settings.ts';
import type { SourceKind, Tuning } from './source.ts';

/** Port of rtl_tcp unless told. */
const RTL_TCP_PORT = 1234;

/** Kinds of source by the member of a station's settings that asks for them. */
export const SOURCE_KINDS: readonly SourceKind[] = ['sim', 'sigmf', 'rtl_tcp', 'zmq', 'push'];

/** The tuning that a station's settings state, where they do. */
export type StatedTuning = Partial<Tuning>;

/**
 * The one source that a station's settings name.
 *
 * @throws FieldFault
 */
export function parseSource(station: Fields, stated: StatedTuning): SourceConfig {
  const kinds = SOURCE_KINDS.filter((kind) => station.has(kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw new FieldFault(station.path, `needs exactly one source: one of ${SOURCE_KINDS.join(', ')}`);
  }
  const fields = station.need(kind, station.record(kind));
  const source = parseKind(kind, station, fields, stated);
  fields.done();
  return source;
}

function parseKind(kind: SourceKind, station: Fields, fields: Fields, stated: StatedTuning): SourceConfig {
  if (kind === 'sigmf') {
    for (const [name, value] of [
      ['sample_rate', stated.sampleRateHz],
      ['center_frequency_hz', stated.centerFrequencyHz],
    ] as const) {
      if (value !== undefined) station.fail(name, 'is what the recording says; leave it out');
    }
    return { kind, ...parseSigmf(fields) };
  }
  const tuning: Tuning = {
    sampleRateHz: station.need('sample_rate', stated.sampleRateHz),
    centerFrequencyHz: station.need('center_frequency_hz', stated.centerFrequencyHz),
  };
  switch (kind) {
    case 'sim':
      return { kind, ...parseSim(fields, tuning, station) };
    case 'rtl_tcp': {
      // What the source itself would refuse, told here with its place.
      const fault = inexpressible(tuning);
      if (fault !== undefined) station.fail(fault.field, fault.remedy);
      return { kind, ...parseRtlTcp(fields, tuning) };
    }
    case 'zmq':
      return { kind, ...parseZmq(fields, tuning) };
    case 'push':
      return { kind, ...parsePush(fields, tuning) };
  }
}

function parseSigmf(fields: Fields): SigmfConfig {
  const loop = fields.boolean('loop');
  const speed = fields.number('speed', { min: 0.01, max: 100, unit: 'times the recorded speed' });
  return {
    file: fields.need('file', fields.text('file')),
    ...(loop === undefined ? {} : { loop }),
    ...(speed === undefined ? {} : { speed }),
  };
}

function parseRtlTcp(fields: Fields, tuning: Tuning): RtlTcpConfig {
  const gainDb = fields.number('gain_db', GAIN);
  const frequencyCorrectionPpm = fields.integer('frequency_correction_ppm', PPM);
  return {
    ...tuning,
    host: fields.need('host', fields.text('host')),
    port: fields.integer('port', PORT) ?? RTL_TCP_PORT,
    ...(gainDb === undefined ? {} : { gainDb }),
    ...(frequencyCorrectionPpm === undefined ? {} : { frequencyCorrectionPpm }),
  };
}

/** A TCP endpoint of ZeroMQ; names and IPv4 as they are, IPv6 in brackets. */
const ENDPOINT = /^tcp:\/\/(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]{1,253})):([0-9]{1,5})$/;

/** The host of a ZeroMQ endpoint; undefined where it is none that can be connected to. */
export function endpointHost(endpoint: string): string | undefined {
  const [, address, name, port] = ENDPOINT.exec(endpoint) ?? [];
  const isPort = Number(port) >= PORT.min && Number(port) <= PORT.max;
  return isPort ? (address ?? name) : undefined;
}

const ENDPOINT_FORM = `must be of the form tcp://HOST:PORT with a TCP port from ${PORT.min} to ${PORT.max}`;

function parseZmq(fields: Fields, tuning: Tuning): ZmqConfig {
  const endpoint = fields.need('endpoint', fields.text('endpoint'));
  if (endpointHost(endpoint) === undefined) fields.fail('endpoint', ENDPOINT_FORM);
  return { ...tuning, endpoint, datatype: parseDatatype(fields), tags: fields.boolean('tags') ?? false };
}

function parsePush(fields: Fields, tuning: Tuning): PushConfig {
  return { ...tuning, datatype: parseDatatype(fields) };
}

function parseDatatype(fields: Fields): Datatype {
  const datatype = fields.text('datatype') ?? 'cf32_le';
  return isDatatype(datatype) ? datatype : fields.fail('datatype', `must be one of ${DATATYPES.join(', ')}, or empty`);
}
