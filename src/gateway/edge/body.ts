import { delimitedMessages as splitMessages } from '../../delimited-messages.ts';
import { PassbandError } from '../../errors.ts';
import { GatheredBytes } from '../../gathered-bytes.ts';
import type { EdgeRequest } from './peer.ts';

/** A body that is read whole must be here within this time, milliseconds: slow senders must not hold requests open. */
export const BODY_TIMEOUT_MS = 30_000;
/** A request stream may be silent this long, milliseconds. */
export const STREAM_IDLE_MS = 300_000;

/** Turns of the event loop within which Node tells an HTTP/2 body that ended from one that was reset. */
const RESET_TURNS = 3;

/** What may be read of a request body. */
export interface BodyLimits {
  /** Of a whole body, or of one message of a stream. */
  readonly maxBytes: number;
  readonly timeoutMs?: number;
  /** Ends the reading when nobody wants the body any more. */
  readonly signal?: AbortSignal;
}

function tooLarge(maxBytes: number): PassbandError {
  return new PassbandError('RESOURCE_EXHAUSTED', `the body, or a message in it, is larger than ${maxBytes} bytes`, {
    status: 413,
  });
}

function tooSlow(): PassbandError {
  return new PassbandError('DEADLINE_EXCEEDED', 'the body did not arrive in time', { status: 408 });
}

function notWanted(): PassbandError {
  return new PassbandError('CANCELLED', 'the call was cancelled');
}

/** The whole body. */
export async function readBody(request: EdgeRequest, limits: BodyLimits): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limits.maxBytes) throw tooLarge(limits.maxBytes);
  const body = new GatheredBytes();
  for await (const chunk of chunksOf(request, 'whole', limits.timeoutMs ?? BODY_TIMEOUT_MS, limits.signal)) {
    body.add(chunk);
    if (body.length > limits.maxBytes) throw tooLarge(limits.maxBytes);
  }
  return body.take();
}

/**
 * Chunks as they come, the whole body or each of them within a time. Leaving the loop early, or late, leaves the request
 * open, so that it can still be answered.
 */
async function* chunksOf(
  request: EdgeRequest,
  within: 'whole' | 'each',
  timeoutMs: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const iterator = request.iterator({ destroyOnReturn: false });
  const isHttp2 = request.httpVersionMajor >= 2;
  let isLate = false;
  let giveUp = (_why: PassbandError): void => {};
  const timer = setTimeout(() => {
    isLate = true;
    giveUp(tooSlow());
  }, timeoutMs);
  const leave = (): void => giveUp(notWanted());
  signal?.addEventListener('abort', leave, { once: true });
  try {
    for (;;) {
      if (within === 'each') {
        // The time that a chunk took to be dealt with is not its sender's.
        isLate = false;
        timer.refresh();
      }
      if (isLate) throw tooSlow();
      if (signal?.aborted === true) throw notWanted();
      const next = await new Promise<IteratorResult<Buffer>>((resolve, reject) => {
        giveUp = reject;
        iterator
          .next()
          .then(resolve, (cause: unknown) =>
            reject(new PassbandError('CANCELLED', 'the request broke off', { cause })),
          );
      });
      if (next.done === true) {
        // An HTTP/2 stream that is reset ends its body as if it were whole, and says so only afterwards.
        for (let turn = 0; isHttp2 && turn < RESET_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (request.aborted) throw new PassbandError('CANCELLED', 'the request broke off');
        return;
      }
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
    // Takes the iterator's listeners off, once it is through with what it waits for.
    iterator.return?.().catch(() => {});
  }
}

/** The lines of a body of newline-delimited JSON, as UTF-8 bytes; empty lines are skipped. */
export async function* lines(request: EdgeRequest, limits: BodyLimits): AsyncGenerator<Buffer> {
  const rest = new GatheredBytes();
  for await (const chunk of withIdleLimit(request, limits)) {
    let start = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
      if (at === start && rest.length === 0) {
        start++;
        continue;
      }
      rest.add(chunk.subarray(start, at));
      if (rest.length > limits.maxBytes) throw tooLarge(limits.maxBytes);
      const line = rest.take();
      start = at + 1;
      if (!isBlank(line)) yield line;
    }
    if (start < chunk.length) rest.add(chunk.subarray(start));
    if (rest.length > limits.maxBytes) throw tooLarge(limits.maxBytes);
  }
  const last = rest.take();
  if (!isBlank(last)) yield last;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** The messages of a body of length-delimited protobuf. */
export function delimitedMessages(request: EdgeRequest, limits: BodyLimits): AsyncGenerator<Buffer> {
  return splitMessages(withIdleLimit(request, limits), limits.maxBytes, {
    tooLarge: () => tooLarge(limits.maxBytes),
    noLength: () => new PassbandError('INVALID_ARGUMENT', 'the body is no length-delimited protobuf'),
    unfinished: () => new PassbandError('INVALID_ARGUMENT', 'the body ends inside a message'),
  });
}

function withIdleLimit(request: EdgeRequest, limits: BodyLimits): AsyncGenerator<Buffer> {
  return chunksOf(request, 'each', limits.timeoutMs ?? STREAM_IDLE_MS, limits.signal);
}
