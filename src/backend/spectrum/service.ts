import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { endStream, serverStream, unary } from '../call-adapters.ts';
import type { Station } from '../stations/station.ts';
import type { Stations } from '../stations/stations.ts';
import { encodeSpectrum, withSequence } from './encode.ts';
import { SpectrumFeeds, type SpectrumReader } from './feed.ts';
import { SpectrumMeter } from './meter.ts';
import { planSpectrum, type SpectrumRequest } from './plan.ts';

/** One spectrum of the samples that come next, as an encoded SpectrumData. */
function measureOnce(station: Station, request: SpectrumRequest, gone: AbortSignal): Promise<Buffer> {
  station.requireRunning();
  const plan = planSpectrum(request, station.hub.source.tuning);
  return new Promise((resolve, reject) => {
    const stopped = new PassbandError('FAILED_PRECONDITION', `station ${station.id} was stopped`);
    const meter = new SpectrumMeter(station, plan, {
      onMeasurement: (measurement) => {
        meter.close();
        try {
          resolve(encodeSpectrum(station, plan, measurement));
        } catch (error) {
          reject(error);
        }
      },
      onEnd: (reason) => reject(reason === 'stopped' ? stopped : reason),
      readerCount: () => 1,
    });
    const leave = (): void => {
      meter.close();
      reject(new PassbandError('CANCELLED', 'the caller is gone'));
    };
    gone.addEventListener('abort', leave, { once: true });
  });
}

type SpectrumCall = ServerWritableStream<SpectrumRequest, Buffer>;

/** Sends a feed's spectra to a call. To one who is slow, the newest when it is ready again: older ones are of no use. */
function openStream(station: Station, feeds: SpectrumFeeds, call: SpectrumCall): () => void {
  station.requireRunning();
  const plan = planSpectrum(call.request, station.hub.source.tuning);
  let sequence = 0;
  let writing = false;
  let newest: Buffer | undefined;
  let over = false;
  const send = (): void => {
    if (over || writing || newest === undefined) return;
    const message = newest;
    newest = undefined;
    writing = true;
    call.write(message, () => {
      writing = false;
      send();
    });
  };
  const reader: SpectrumReader = {
    onSpectrum: (message) => {
      // Those that are not sent count too: a jump of the sequence tells how many they were.
      newest = withSequence(message, sequence++);
      send();
    },
    onEnd: (reason) => {
      over = true;
      endStream(call, reason);
    },
  };
  const leave = feeds.join(station, plan, reader);
  for (const event of ['cancelled', 'close']) {
    call.on(event, () => {
      over = true;
      leave();
    });
  }
  // Spectra take time: none comes before the headers.
  return () => undefined;
}

/** sdr.oran.SpectrumMonitorService. */
export function spectrumMonitorService(stations: Stations): UntypedServiceImplementation {
  const feeds = new SpectrumFeeds();
  return {
    GetSpectrum: unary((request: SpectrumRequest, gone) =>
      measureOnce(stations.get(request.station_id), request, gone),
    ),
    StreamSpectrum: serverStream((call: SpectrumCall) =>
      openStream(stations.get(call.request.station_id), feeds, call),
    ),
  };
}
