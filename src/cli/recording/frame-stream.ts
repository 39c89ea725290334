import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { messageType } from '../../backend/protos.ts';
import { type DelimitedFaults, delimitedMessages } from '../../delimited-messages.ts';
import { tlsClientOptions } from '../../tls.ts';
import type { RecordOrder } from './record-order.ts';

/** Bytes of one message at most: two of the longest frames. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** Bytes of a refusal that are read. */
const MAX_PROBLEM_BYTES = 64 * 1024;
/** Milliseconds without a byte after which a connection counts as dead. */
const SILENCE_MS = 20_000;

/** A frame of samples, sdr.oran.IQFrame. */
export interface IqFrame {
  readonly epoch: string;
  readonly sequence: string;
  readonly sampleIndex: number;
  readonly timestampNs: bigint;
  readonly centerFrequencyHz: number;
  readonly sampleRateHz: number;
  readonly datatype: string;
  readonly data: Buffer;
}

/** Why a stream ended: whether it is worth while to come back. */
export class StreamFault extends Error {
  readonly isPassing: boolean;

  constructor(message: string, isPassing: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.isPassing = isPassing;
  }
}

const IQ_FRAME = messageType('sdr.oran.IQFrame');

const brokenOff = (cause?: unknown): StreamFault => new StreamFault('the connection broke off', true, cause);
const noFrames = (): StreamFault => new StreamFault('the server sends what is no stream of frames', false);
const FAULTS: DelimitedFaults = { tooLarge: noFrames, noLength: noFrames, unfinished: brokenOff };

/**
 * One connection's frames, as length-delimited protobuf. Ends when the station's stream ends in good order.
 *
 * @param query of SubscribeIQ.
 * @param signal breaks it off.
 * @throws StreamFault
 */
export async function* frameStream(
  { url, tls, stationId }: Pick<RecordOrder, 'url' | 'tls' | 'stationId'>,
  query: URLSearchParams,
  signal: AbortSignal,
): AsyncGenerator<IqFrame> {
  const target = new URL(`v1/stations/${stationId}/iq?${query}`, url.href.endsWith('/') ? url : `${url}/`);
  const response = await answer(target, { ...tlsClientOptions(tls), signal, timeout: SILENCE_MS });
  if (response.statusCode !== 200) throw await refusal(response);
  try {
    for await (const message of delimitedMessages(response, MAX_MESSAGE_BYTES, FAULTS)) yield frameOf(message);
  } catch (error) {
    if (error instanceof StreamFault) throw error;
    throw brokenOff(error);
  } finally {
    response.destroy();
  }
  if (!response.complete) throw brokenOff();
}

function answer(target: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(target, { ...options, agent: false, headers: { accept: 'application/x-protobuf' } }, resolve);
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      // What is wrong with a certificate or a name stays wrong.
      const isPassing = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN)/.test(error.code ?? 'ETIMEDOUT');
      reject(new StreamFault(`${target.origin}: ${error.message}`, isPassing, error));
    });
    asked.end();
  });
}

/** A refusal as it is, also when its body breaks off or never ends: its status says whether to come back. */
async function refusal(response: IncomingMessage): Promise<StreamFault> {
  const status = response.statusCode ?? 0;
  const isPassing = [429, 502, 503, 504].includes(status);
  let detail = '';
  try {
    detail = String(JSON.parse(await beginningOf(response)).detail ?? '');
  } catch {
    // Not from a gateway of ours, or not whole; the status must do.
  }
  return new StreamFault(`${status}: ${detail || response.statusMessage}`, isPassing);
}

/** The first MAX_PROBLEM_BYTES of a body, and some of the chunk that they end in. The rest is never read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_PROBLEM_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

interface RawFrame {
  readonly epoch: string;
  readonly sequence_number: string;
  readonly sample_index: string;
  readonly timestamp_ns: string;
  readonly center_frequency_hz: number;
  readonly sample_rate: number;
  readonly datatype: string;
  readonly data: Buffer;
}

function frameOf(bytes: Buffer): IqFrame {
  let raw: RawFrame;
  try {
    raw = IQ_FRAME.deserialize(bytes) as RawFrame;
  } catch (error) {
    throw new StreamFault('the server sends what is no frame', false, error);
  }
  return {
    epoch: raw.epoch,
    sequence: raw.sequence_number,
    sampleIndex: Number(raw.sample_index),
    timestampNs: BigInt(raw.timestamp_ns),
    centerFrequencyHz: raw.center_frequency_hz,
    sampleRateHz: raw.sample_rate,
    datatype: raw.datatype,
    data: raw.data,
  };
}
