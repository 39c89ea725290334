import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { endStream, serverStream, unary } from '../call-adapters.ts';
import { callerCn } from '../door/caller-metadata.ts';
import type { Station } from '../stations/station.ts';
import type { Stations } from '../stations/stations.ts';
import { withSequence } from './encode.ts';
import { SpectrumFeeds, type SpectrumReader } from './feed.ts';
import { planSpectrum, type SpectrumPlan, type SpectrumRequest } from './plan.ts';
import { SpectrumShots } from './shots.ts';

type SpectrumCall = ServerWritableStream<SpectrumRequest, Buffer>;

/** What is to be measured, of a station that runs: one whose source could not be opened is tuned to nothing. */
function planFor(station: Station, request: SpectrumRequest): SpectrumPlan {
  station.requireRunning();
  return planSpectrum(request, station.hub.source.tuning);
}

/** Sends a feed's spectra to a call. To one who is slow, the newest when it is ready again: older ones are of no use. */
function openStream(station: Station, feeds: SpectrumFeeds, call: SpectrumCall): () => void {
  const plan = planFor(station, call.request);
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
    holder: callerCn(call.metadata),
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
  const shots = new SpectrumShots();
  return {
    GetSpectrum: unary((request: SpectrumRequest, gone, metadata) => {
      const station = stations.get(request.station_id);
      const plan = planFor(station, request);
      return shots.measure(station, plan, callerCn(metadata), gone);
    }),
    StreamSpectrum: serverStream((call: SpectrumCall) =>
      openStream(stations.get(call.request.station_id), feeds, call),
    ),
  };
}
