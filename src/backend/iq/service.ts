import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { serverStream, unary } from '../call-adapters.ts';
import type { Clock } from '../clock.ts';
import { checkBand, checkNumber, checkOptionalNumber, type NumberRange } from '../field-checks.ts';
import { BATCH_SIZE, DOPPLER_SHIFT, FREQUENCY, SAMPLE_RATE } from '../stations/ranges.ts';
import type { Station } from '../stations/station.ts';
import type { Stations } from '../stations/stations.ts';
import { downloadIq } from './download/download.ts';
import { openSubscription } from './frames/subscription.ts';
import { checkFrontEnd, type FrontEndRequest } from './front-end.ts';
import { announcedCompression, type CompressionRequest } from './push/announced-compression.ts';
import { streamIq } from './push/stream-iq.ts';

/** What simulated and recorded radios span; beyond lies a unit mistake. */
/** A low orbit at Ka-band makes less than 1 MHz. */
const DOPPLER_RATE: NumberRange = { min: -1e6, max: 1e6, unit: 'Hz/s' };
/** Further off, a shift says nothing about now; most likely the unit is wrong. */
const DOPPLER_AGE: NumberRange = { min: -3600, max: 3600, unit: 's from now' };
/** What 0 does in the numbers of a StreamConfig. */
const ZERO_KEEPS = 'keeps the present one';

interface StationRequest {
  readonly station_id: string;
}

interface StartRequest extends StationRequest, FrontEndRequest, CompressionRequest {
  readonly band: string;
  readonly center_frequency_hz: number;
  readonly sample_rate: number;
  readonly batch_size_samples: number;
}

interface DopplerRequest extends StationRequest {
  readonly doppler_shift_hz: number;
  readonly doppler_rate_hz_s: number;
  readonly timestamp_ns: string;
}

interface StreamResponse {
  readonly success: boolean;
  readonly message: string;
  readonly start_time_ns: string;
}

const outcome = (station: Station, message: string): StreamResponse => ({
  success: true,
  message,
  start_time_ns: (station.counters?.startTimeNs ?? 0n).toString(),
});

function start(station: Station, request: StartRequest): StreamResponse {
  const band = checkBand(request.band);
  const sampleRateHz = checkOptionalNumber('sample_rate', request.sample_rate, SAMPLE_RATE, ZERO_KEEPS);
  const centerFrequencyHz = checkOptionalNumber(
    'center_frequency_hz',
    request.center_frequency_hz,
    FREQUENCY,
    ZERO_KEEPS,
  );
  const batchSizeSamples = checkOptionalNumber(
    'batch_size_samples',
    request.batch_size_samples,
    BATCH_SIZE,
    ZERO_KEEPS,
  );
  const compression = announcedCompression(station.hub.source, request);
  const frontEnd = checkFrontEnd(request);
  const happened = station.start({
    frontEnd,
    ...(band === undefined ? {} : { band }),
    ...(sampleRateHz === undefined ? {} : { sampleRateHz }),
    ...(centerFrequencyHz === undefined ? {} : { centerFrequencyHz }),
    ...(batchSizeSamples === undefined ? {} : { batchSizeSamples }),
  });
  compression.takeEffect();
  const { tuning } = station.hub.source;
  const setting = `${tuning.sampleRateHz} samples/s at ${tuning.centerFrequencyHz} Hz`;
  const verb = happened === 'unchanged' ? 'runs already' : happened === 'started' ? 'is started' : 'is retuned';
  return outcome(station, `station ${station.id} ${verb}: ${setting}${compression.remark}`);
}

function updateDoppler(station: Station, request: DopplerRequest, clock: Clock): StreamResponse {
  const shiftThen = checkNumber('doppler_shift_hz', request.doppler_shift_hz, DOPPLER_SHIFT);
  const rateHzPerS = checkNumber('doppler_rate_hz_s', request.doppler_rate_hz_s, DOPPLER_RATE);
  const given = BigInt(request.timestamp_ns);
  const fromNowS = given === 0n ? 0 : Number(given - clock.wallNs()) / 1e9;
  checkNumber('timestamp_ns', fromNowS, DOPPLER_AGE);
  station.requireRunning();
  const shiftHz = checkNumber('doppler_shift_hz, moved to now,', shiftThen - rateHzPerS * fromNowS, DOPPLER_SHIFT);
  station.hub.correctDoppler({ shiftHz, rateHzPerS });
  return outcome(station, `station ${station.id} corrects a Doppler shift of ${shiftHz} Hz`);
}

function stop(station: Station): StreamResponse {
  const wasRunning = station.stop();
  return outcome(station, `station ${station.id} ${wasRunning ? 'is stopped' : 'was stopped before'}`);
}

/** sdr.oran.IQStreamService. */
export function iqStreamService(stations: Stations, clock: Clock): UntypedServiceImplementation {
  return {
    StartStream: unary((request: StartRequest) => start(stations.get(request.station_id), request)),
    StopStream: unary((request: StationRequest) => stop(stations.get(request.station_id))),
    UpdateDoppler: unary((request: DopplerRequest) => updateDoppler(stations.get(request.station_id), request, clock)),
    GetStreamStats: unary((request: StationRequest) => {
      const station = stations.get(request.station_id);
      return { station_id: station.id, ...station.requireRunning().snapshot() };
    }),
    SubscribeIQ: serverStream((call: Parameters<typeof openSubscription>[1]) =>
      openSubscription(stations.get(call.request.station_id), call),
    ),
    StreamIQ: streamIq(stations, clock),
    DownloadIQ: downloadIq(stations),
  };
}
