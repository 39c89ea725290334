import { isIP } from 'node:net';
import { parseAntenna } from '../antenna/settings.ts';
import { parseSource } from '../iq/sources/settings.ts';
import type { Fields } from './fields.ts';
import {
  ALTITUDE,
  BATCH_SIZE,
  FREQUENCY,
  FULL_SCALE,
  LATITUDE,
  LONGITUDE,
  PORT,
  RING_BYTES,
  RING_SECONDS,
  SAMPLE_RATE,
  UT1_UTC,
} from './ranges.ts';
import type { Site } from './site.ts';
import type { RingConfig, RtlTcpListenerConfig, StationConfig } from './station-config.ts';

const STATION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const BAND = /^[A-Za-z0-9][A-Za-z0-9 _-]{0,31}$/;
/** Characters of a description: a sentence. */
const MAX_DESCRIPTION = 500;

/**
 * A station from its settings, which have the names of sdr.oran.Station: those of a stations file and those of a message
 * are the same.
 *
 * @throws FieldFault at the first member that is wrong, unknown or missing.
 */
export function parseStation(fields: Fields): StationConfig {
  const stationId = fields.need('station_id', fields.text('station_id'));
  if (!STATION_ID.test(stationId)) fields.fail('station_id', 'must be 1 to 64 of A-Z a-z 0-9 _ -');
  const description = fields.text('description') ?? '';
  if (description.length > MAX_DESCRIPTION)
    fields.fail('description', `must have ${MAX_DESCRIPTION} characters at most`);
  const band = fields.text('band');
  if (band !== undefined && !BAND.test(band)) {
    fields.fail('band', 'must be a name such as C-band, Ku-band or Ka-band, of 32 characters at most');
  }
  const batchSizeSamples = fields.integer('batch_size_samples', BATCH_SIZE);
  const fullScaleDbm = fields.number('full_scale_dbm', FULL_SCALE);
  const sampleRateHz = fields.number('sample_rate', SAMPLE_RATE);
  const centerFrequencyHz = fields.number('center_frequency_hz', FREQUENCY);
  const site = parsed(fields.record('site'), parseSite);
  const antenna = parsed(fields.record('antenna'), parseAntenna);
  const ring = parsed(fields.record('ring'), parseRing);
  const rtlTcpListener = parsed(fields.record('rtl_tcp_listener'), parseListener);
  const source = parseSource(fields, {
    ...(sampleRateHz === undefined ? {} : { sampleRateHz }),
    ...(centerFrequencyHz === undefined ? {} : { centerFrequencyHz }),
  });
  fields.done();
  return {
    stationId,
    description,
    source,
    ...(band === undefined ? {} : { band }),
    ...(batchSizeSamples === undefined ? {} : { batchSizeSamples }),
    ...(fullScaleDbm === undefined ? {} : { fullScaleDbm }),
    ...(site === undefined ? {} : { site }),
    ...(antenna === undefined ? {} : { antenna }),
    ...(ring === undefined ? {} : { ring }),
    ...(rtlTcpListener === undefined ? {} : { rtlTcpListener }),
  };
}

function parsed<T>(fields: Fields | undefined, parse: (fields: Fields) => T): T | undefined {
  return fields === undefined ? undefined : parse(fields);
}

function parseSite(fields: Fields): Site {
  const site = {
    latitudeDeg: fields.need('latitude_deg', fields.number('latitude_deg', LATITUDE)),
    longitudeDeg: fields.need('longitude_deg', fields.number('longitude_deg', LONGITUDE)),
    altitudeM: fields.number('altitude_m', ALTITUDE) ?? 0,
  };
  const ut1UtcS = fields.number('ut1_utc_s', UT1_UTC);
  fields.done();
  return ut1UtcS === undefined ? site : { ...site, ut1UtcS };
}

function parseRing(fields: Fields): RingConfig {
  const seconds = fields.number('seconds', RING_SECONDS);
  const bytes = fields.integer('bytes', RING_BYTES);
  fields.done();
  return { ...(seconds === undefined ? {} : { seconds }), ...(bytes === undefined ? {} : { bytes }) };
}

function parseListener(fields: Fields): RtlTcpListenerConfig {
  const host = fields.text('host') ?? '127.0.0.1';
  const port = fields.need('port', fields.integer('port', PORT));
  const tls = fields.boolean('tls') ?? false;
  fields.done();
  if (isIP(host) === 0) fields.fail('host', 'must be an IP address such as 127.0.0.1 or ::');
  if (!tls && !isLoopback(host)) {
    fields.fail('tls', `must be true for ${host}: without TLS only this machine is served; use 127.0.0.1 or set tls`);
  }
  return { host, port, tls };
}

/** Whether an address is of this machine alone. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'));
}
