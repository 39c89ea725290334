import type { Clock } from '../clock.ts';
import type { ReadyFrame } from './frames/frame-reader.ts';
import type { StationHub } from './hub.ts';
import type { SourceCounts } from './source-counts.ts';

/** The counters of StreamStatsResponse, since a station's start and over all its readers. */
export class StreamCounters {
  /** When the stream was started, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly startTimeNs: bigint;
  readonly #clock: Clock;
  readonly #hub: StationHub;
  readonly #startedMs: number;
  readonly #before: SourceCounts;
  #framesSent = 0;
  #framesTaken = 0;
  #framesMissed = 0;
  #bytesSent = 0;
  #latencySumMs = 0;
  #saturatedValues = 0;

  constructor(clock: Clock, hub: StationHub) {
    this.#clock = clock;
    this.#hub = hub;
    this.startTimeNs = clock.wallNs();
    this.#startedMs = clock.nowMs();
    this.#before = hub.counts;
  }

  /** A frame is given to a reader. */
  sent(frame: ReadyFrame): void {
    this.#framesSent++;
    this.#framesMissed += frame.framesMissed;
    this.#bytesSent += frame.dataBytes;
    this.#latencySumMs += this.#clock.nowMs() - frame.arrivedMs;
    this.#hub.metrics.frameSent();
    this.#hub.metrics.sent(frame.dataBytes);
    this.#saturatedValues += frame.saturatedValues;
    if (frame.samplesMissed > 0) this.#hub.metrics.lost('slow_reader', frame.samplesMissed);
  }

  /** A reader's flow control has taken a frame. */
  taken(): void {
    this.#framesTaken++;
  }

  /** The numbers under their names in StreamStatsResponse. */
  snapshot(): Readonly<Record<string, number>> {
    const uptimeS = (this.#clock.nowMs() - this.#startedMs) / 1000;
    const { producedSamples, lostSamples, faults, saturatedValues } = this.#hub.counts;
    const offered = this.#framesSent + this.#framesMissed;
    return {
      total_samples_sent: producedSamples - this.#before.producedSamples,
      total_bytes_sent: this.#bytesSent,
      average_throughput_mbps: uptimeS > 0 ? (this.#bytesSent * 8) / uptimeS / 1e6 : 0,
      average_latency_ms: this.#framesSent > 0 ? this.#latencySumMs / this.#framesSent : 0,
      packets_sent: this.#framesSent,
      packets_acked: this.#framesTaken,
      packets_lost: this.#framesMissed,
      packet_loss_rate: offered > 0 ? this.#framesMissed / offered : 0,
      uptime_seconds: Math.floor(uptimeS),
      source_lost_samples: lostSamples - this.#before.lostSamples,
      saturated_values: this.#saturatedValues + saturatedValues - this.#before.saturatedValues,
      source_faults: faults - this.#before.faults,
    };
  }
}
