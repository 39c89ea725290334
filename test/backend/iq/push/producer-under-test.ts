import type { ClientDuplexStream } from '@grpc/grpc-js';
import { bytesPerSample, type Datatype } from '../../../../src/backend/iq/formats.ts';
import type { RingConfig, StationConfig } from '../../../../src/backend/stations/station-config.ts';
import type { Caller, Message } from '../../backend-under-test.ts';
import { ManualClock } from '../../manual-clock.ts';

export const RATE = 1_000_000;
export const RING_SECONDS = 0.2;

/** A station that waits for a producer; its ring is small, since a test has many of them. */
export const pushStation = (stationId: string, datatype: Datatype = 'cf32_le', ring?: RingConfig): StationConfig => ({
  stationId,
  description: 'a remote producer',
  source: { kind: 'push', datatype, sampleRateHz: RATE, centerFrequencyHz: 100_000_000 },
  ring: ring ?? { bytes: RING_SECONDS * RATE * bytesPerSample(datatype) },
});

/** Samples that tell their position: I and Q of sample n are 2n and 2n + 1, scaled to below 1. */
export function ramp(firstSample: number, count: number): number[] {
  return Array.from({ length: 2 * count }, (_, i) => (((2 * firstSample + i) % 65_536) - 32_768) / 32_768);
}

export const bytesOf = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** A batch of the ramp; number n of batches of equal size. */
export function batchOf(stationId: string, sequence: number, change: object = {}, count = 1000): object {
  return {
    station_id: stationId,
    sequence_number: String(sequence),
    timestamp_ns: String(ManualClock.START_NS + BigInt(sequence * count * 1000)),
    center_frequency_hz: 100_000_000,
    sample_rate: RATE,
    samples: ramp(sequence * count, count),
    ...change,
  };
}

/** A producer over gRPC. */
export class PushingClient {
  readonly call: ClientDuplexStream<object, Message>;
  /** How the call ended: `CODE: details`. */
  readonly ended: Promise<string>;
  readonly acks: Message[] = [];
  #wake = (): void => {};
  #isOver = false;

  constructor(client: Caller) {
    this.call = client.raw.StreamIQ?.();
    this.call.on('data', (ack: Message) => {
      this.acks.push(ack);
      this.#wake();
    });
    this.call.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.call.on('status', ({ code, details }) => {
        this.#isOver = true;
        resolve(`${code}: ${details}`);
        this.#wake();
      });
    });
  }

  /** Sends batches without waiting. */
  send(...batches: readonly object[]): void {
    for (const each of batches) this.call.write(each);
  }

  /** Sends batches, and waits until all that was sent is acknowledged, or the call over. */
  async push(...batches: readonly object[]): Promise<Message> {
    const wanted = this.acks.length + batches.length;
    this.send(...batches);
    return this.acked(wanted);
  }

  /** Waits for so many acknowledgements; gives the last. */
  async acked(count: number): Promise<Message> {
    while (this.acks.length < count) {
      if (this.#isOver) throw new Error(`the call ended: ${await this.ended}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.acks[count - 1] ?? {};
  }

  /** Ends in good order. */
  async end(): Promise<string> {
    this.call.end();
    return this.ended;
  }
}
