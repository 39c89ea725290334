import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { messageType } from '../../../src/backend/protos.ts';
import { type RecordFlags, type RecordOrder, readRecordOrder } from '../../../src/cli/recording/record-order.ts';
import type { TestPki } from '../../support/pki.ts';

/** Samples in a frame of these tests; cu8, so twice as many bytes. */
export const FRAME_SAMPLES = 50;
/** Time of sample 0, nanoseconds since 1970. */
export const START_NS = 1_795_331_645_000_000_000n;

const IQ_FRAME = messageType('sdr.oran.IQFrame');

/** What a frame may have of its own. */
export interface FrameFields {
  readonly samples?: number;
  readonly sampleIndex?: number;
  readonly sampleRateHz?: number;
  readonly datatype?: string;
}

/** The bytes of a sample: its index, so that each can be told from its neighbours. */
export function samplesFrom(index: number, samples: number): Buffer {
  return Buffer.from(Array.from({ length: 2 * samples }, (_, at) => (2 * index + at) % 251));
}

/** A frame of a station that makes a million samples a second, with its length before it. */
export function delimitedFrame(number: number, fields: FrameFields = {}): Buffer {
  const { samples = FRAME_SAMPLES, sampleIndex = number * samples, sampleRateHz = 1e6, datatype = 'cu8' } = fields;
  const message = IQ_FRAME.serialize({
    station_id: 'radio',
    epoch: '1',
    sequence_number: String(number),
    sample_index: String(sampleIndex),
    timestamp_ns: String(START_NS + BigInt(sampleIndex) * 1000n),
    center_frequency_hz: 1e9,
    sample_rate: sampleRateHz,
    datatype,
    sample_count: samples,
    data: samplesFrom(sampleIndex, samples),
  });
  const length: number[] = [];
  let rest = message.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), message]);
}

/** A server whose answers are those of the test, one a request; the last one answers what comes after it as well. */
export interface FrameServer {
  readonly url: string;
  /** Requests so far, as paths with their query. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts one on a free port of loopback. */
export async function startFrameServer(pki: TestPki, answers: readonly Answer[]): Promise<FrameServer> {
  const requests: string[] = [];
  const { certPem: cert, keyPem: key } = await pki.pair('server');
  const server = createServer({ cert, key }, (request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(request.url ?? '');
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An order of `passband record radio`. */
export function orderOf(
  server: FrameServer,
  pki: TestPki,
  flags: Partial<RecordFlags> & { readonly output: string },
): Promise<RecordOrder> {
  return readRecordOrder('radio', { url: server.url, certs: pki.dir, retry: '10', ...flags });
}

/** Where progress goes to, kept. */
export class Told extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

/** What is in a file; empty where there is none. */
export function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
