import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { StationConfig } from '../../../../src/backend/station-config.ts';
import type { Caller, Message } from '../../backend-under-test.ts';

export const RATE = 1_000_000;

/** A station that waits for a producer. */
export const PUSH_STATION: StationConfig = {
  stationId: 'gs-1',
  description: 'a remote producer',
  source: { kind: 'push', datatype: 'cf32_le', sampleRateHz: RATE, centerFrequencyHz: 100_000_000 },
};

/** 2026-01-01T00:00:00Z, where manual clocks begin. */
export const START_NS = 1_767_225_600_000_000_000n;

/** Samples that tell their position: I and Q of sample n are 2n and 2n + 1, scaled to below 1. */
export function ramp(firstSample: number, count: number): number[] {
  return Array.from({ length: 2 * count }, (_, i) => (((2 * firstSample + i) % 65_536) - 32_768) / 32_768);
}

export const bytesOf = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** A batch of the ramp; number n of batches of equal size. */
export function batch(sequence: number, count = 1000, change: object = {}): object {
  return {
    station_id: 'gs-1',
    sequence_number: String(sequence),
    timestamp_ns: String(START_NS + BigInt(sequence * count * 1000)),
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
