import { Counter, type Registry } from 'prom-client';

/** Why samples did not reach a reader. */
export type LossCause = (typeof LOSS_CAUSES)[number];
const LOSS_CAUSES = ['slow_reader', 'source_gap'] as const;

/** What the backend counts about one station. */
export interface StationMetrics {
  produced(samples: number): void;
  lost(cause: LossCause, samples: number): void;
  /** A frame was given to a reader. */
  frameSent(): void;
  /** Sample data was given to a reader, in a frame or otherwise. */
  sent(bytes: number): void;
  /** The source failed or broke off. */
  fault(): void;
  /** The rotor of its antenna cannot be reached, or does not say where it is. */
  rotorFault(): void;
  /** Samples that seem to be missing from the source, by the clock. */
  suspected(samples: number): void;
  /** Numbers were set to the largest or smallest value of a reader's datatype. */
  saturated(values: number): void;
  /** Numbers that are none, or infinite, were taken as 0 by a filter or a spectrum. */
  notFinite(values: number): void;
}

/** The counters of all stations. */
export interface StationsMetrics {
  /** For a station that exists: the label never holds what a client only asked for. */
  of(stationId: string): StationMetrics;
  /** Forgets a station that was removed. */
  forget(stationId: string): void;
}

/** Registers the counters of stations. */
export function stationMetrics(registry: Registry): StationsMetrics {
  const registers = [registry];
  const ofStations: Counter<'station_id'>[] = [];
  const ofStation = (name: string, help: string): Counter<'station_id'> => {
    const counter = new Counter({ name, help, labelNames: ['station_id'] as const, registers });
    ofStations.push(counter);
    return counter;
  };
  const producedTotal = ofStation('passband_samples_produced_total', 'Complex samples that a station produced.');
  const lostTotal = new Counter({
    name: 'passband_samples_lost_total',
    help: 'Complex samples that were lost: per reader that was too slow, or once where the source left a gap.',
    labelNames: ['station_id', 'cause'] as const,
    registers,
  });
  const framesTotal = ofStation('passband_iq_frames_sent_total', 'IQ frames given to readers of frames.');
  const bytesTotal = ofStation(
    'passband_iq_sent_bytes_total',
    'Bytes of sample data given to readers: in frames, in downloads, by rtl_tcp.',
  );
  const faultsTotal = ofStation('passband_source_faults_total', "Times that a station's source failed or broke off.");
  const rotorFaultsTotal = ofStation(
    'passband_rotor_faults_total',
    "Times that the rotor of a station's antenna could not be reached, or did not say where it is.",
  );
  const suspectedTotal = ofStation(
    'passband_samples_suspected_lost_total',
    'Complex samples that a source without counters of its own seems to have lost, by the clock: an estimate.',
  );
  const saturatedTotal = ofStation(
    'passband_saturated_values_total',
    "Numbers (I or Q) set to the largest or smallest value of a reader's datatype.",
  );
  const notFiniteTotal = ofStation(
    'passband_not_finite_values_total',
    'Numbers (I or Q) that are none, or infinite, and were taken as 0 by a filter or a spectrum.',
  );
  return {
    of: (station_id) => ({
      produced: (samples) => producedTotal.inc({ station_id }, samples),
      lost: (cause, samples) => lostTotal.inc({ station_id, cause }, samples),
      frameSent: () => framesTotal.inc({ station_id }),
      sent: (bytes) => bytesTotal.inc({ station_id }, bytes),
      fault: () => faultsTotal.inc({ station_id }),
      rotorFault: () => rotorFaultsTotal.inc({ station_id }),
      suspected: (samples) => suspectedTotal.inc({ station_id }, samples),
      saturated: (values) => saturatedTotal.inc({ station_id }, values),
      notFinite: (values) => notFiniteTotal.inc({ station_id }, values),
    }),
    forget: (station_id) => {
      for (const counter of ofStations) counter.remove({ station_id });
      for (const cause of LOSS_CAUSES) lostTotal.remove({ station_id, cause });
    },
  };
}
