import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PassbandError } from '../../../src/errors.ts';
import { contiguousLossMeter, countingLossMeter } from '../../../src/gateway/writers/loss.ts';
import {
  HIGH_WATER_BYTES,
  MAX_QUEUED_BYTES,
  MAX_QUEUED_MESSAGES,
  type MessageSource,
  type Pump,
  type SharedPace,
  SILENCE_MS,
  type Sink,
  STALL_LIMIT_MS,
  startPump,
} from '../../../src/gateway/writers/pump.ts';
import { sseWriter } from '../../../src/gateway/writers/sse.ts';
import type { Chunk, EndStatus, StreamWriter } from '../../../src/gateway/writers/stream-writer.ts';
import type { Overflow } from '../../../src/stream-options.ts';

/** A source that a test plays by hand. */
class FakeSource implements MessageSource {
  paused = false;
  cancelled = 0;
  pauses = 0;
  #onMessage: (bytes: Uint8Array) => void = () => {};
  #onEnd: (status: EndStatus) => void = () => {};
  onMessage(listener: (bytes: Uint8Array) => void): void {
    this.#onMessage = listener;
  }
  onEnd(listener: (status: EndStatus) => void): void {
    this.#onEnd = listener;
  }
  pause(): void {
    this.paused = true;
    this.pauses++;
  }
  resume(): void {
    this.paused = false;
  }
  cancel(): void {
    this.cancelled++;
  }
  say(...texts: readonly string[]): void {
    for (const text of texts) this.#onMessage(Buffer.from(text));
  }
  count(from: number, to: number): void {
    for (let id = from; id <= to; id++) this.say(String(id));
  }
  end(status: EndStatus = OK): void {
    this.#onEnd(status);
  }
}

/** A response whose reader takes nothing while `stuck`. */
class FakeSink extends EventEmitter implements Sink {
  readonly written: string[] = [];
  writableLength = 0;
  destroyed = false;
  ended = false;
  stuck = false;
  write(chunk: Chunk): boolean {
    this.written.push(Buffer.from(chunk as string).toString());
    if (!this.stuck) return true;
    this.writableLength = HIGH_WATER_BYTES;
    return false;
  }
  end(chunk?: Chunk): void {
    if (chunk !== undefined) this.written.push(Buffer.from(chunk as string).toString());
    this.ended = true;
  }
  breakOff(): void {
    this.destroyed = true;
    this.emit('close');
  }
  drain(): void {
    this.stuck = false;
    this.writableLength = 0;
    this.emit('drain');
  }
  text(): string {
    return this.written.join('');
  }
}

const OK: EndStatus = { code: 'OK', message: '', details: [] };
const STOPPED: EndStatus = { code: 'UNAVAILABLE', message: 'stopping', details: [] };

/** A writer whose every word is plain to see. */
const PLAIN: StreamWriter = {
  headers: {},
  head: () => undefined,
  message: ({ json }) => `${json().head} `,
  gap: ({ lost, from, to }) => `[${lost}${from === undefined ? '' : `:${from}-${to}`}] `,
  silence: () => '~',
  end: ({ code }) => `.${code}`,
};

interface Rig {
  readonly source: FakeSource;
  readonly sink: FakeSink;
  readonly pump: Pump;
  readonly dropped: () => number;
  readonly frames: () => number;
  readonly bytes: () => number;
  readonly written: () => number;
}

interface RigOptions {
  readonly writer?: StreamWriter;
  readonly ids?: boolean;
  readonly pace?: () => SharedPace | undefined;
  readonly inspect?: (bytes: Uint8Array) => void;
}

function rig(overflow: Overflow, more: RigOptions = {}): Rig {
  const source = new FakeSource();
  const sink = new FakeSink();
  let dropped = 0;
  let frames = 0;
  let bytes = 0;
  let written = 0;
  const { writer = PLAIN, ids = true } = more;
  const pump = startPump({
    source,
    sink,
    breakOff: () => sink.breakOff(),
    writer,
    overflow,
    pace: more.pace,
    inspect: more.inspect,
    loss: ids ? contiguousLossMeter(undefined) : countingLossMeter(),
    outgoing: (message) => ({
      bytes: message,
      json: () => ({ head: Buffer.from(message).toString(), ascii: '', tail: '' }),
      id: () => (ids ? Buffer.from(message).toString() : undefined),
    }),
    observer: {
      wrote: (length) => {
        written += length;
      },
      frame: (length) => {
        frames++;
        bytes += length;
      },
      dropped: (count) => {
        dropped += count;
      },
    },
  });
  return {
    source,
    sink,
    pump,
    dropped: () => dropped,
    frames: () => frames,
    bytes: () => bytes,
    written: () => written,
  };
}

/** A reader that took message 1 into a full buffer and then nothing. */
function stuckAfterOne(overflow: Overflow, more?: Parameters<typeof rig>[1]): Rig {
  const made = rig(overflow, more);
  made.sink.stuck = true;
  made.source.say('1');
  return made;
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('a reader that keeps up', () => {
  it.each(['block', 'drop-oldest', 'latest'] as const)('gets everything in order (%s)', async (overflow) => {
    const { source, sink, pump, dropped, frames, bytes, written } = rig(overflow);
    source.count(1, 3);
    source.end();
    expect(sink.text()).toBe('1 2 3 .OK');
    expect(sink.ended).toBe(true);
    expect([dropped(), frames(), bytes(), written()]).toEqual([0, 3, 6, '1 2 3 .OK'.length]);
    await expect(pump.done).resolves.toEqual(OK);
    sink.emit('close');
  });

  it('is counted in bytes, not in characters', () => {
    const { source, sink, bytes } = rig('block', { ids: false });
    source.say('ü😀');
    expect(bytes()).toBe(7);
    sink.emit('close');
  });

  it('may lag by less than the high-water mark without counting as slow', () => {
    const { source, sink } = rig('block');
    sink.write = (chunk) => {
      sink.written.push(String(chunk));
      sink.writableLength = HIGH_WATER_BYTES - 1;
      return false;
    };
    source.count(1, 3);
    expect(source.pauses).toBe(0);
    expect(sink.text()).toBe('1 2 3 ');
    sink.emit('close');
  });
});

describe('a slow reader', () => {
  it('under block holds the source back and loses nothing', () => {
    const { source, sink, dropped } = stuckAfterOne('block');
    source.say('2');
    expect(source.paused).toBe(true);
    // What was under way when the source was paused still comes.
    source.say('3');
    sink.drain();
    expect(source.paused).toBe(false);
    expect(sink.text()).toBe('1 2 3 ');
    expect(dropped()).toBe(0);
    sink.emit('close');
  });

  it('under block stays held back when the first message after the pause fills it again', () => {
    const { source, sink } = stuckAfterOne('block');
    source.count(2, 3);
    const write = sink.write.bind(sink);
    sink.write = (chunk) => {
      sink.stuck = true;
      return write(chunk);
    };
    sink.drain();
    expect(sink.text()).toBe('1 2 ');
    expect(source.paused).toBe(true);
    sink.drain();
    sink.drain();
    expect(sink.text()).toBe('1 2 3 ');
    expect(source.paused).toBe(false);
    sink.emit('close');
  });

  it('under drop-oldest keeps the newest of a bounded queue and is told the exact loss', () => {
    const { source, sink, dropped } = stuckAfterOne('drop-oldest');
    const behind = 40;
    source.count(2, 1 + MAX_QUEUED_MESSAGES + behind);
    expect(dropped()).toBe(behind);
    expect(source.pauses).toBe(0);
    sink.drain();
    expect(sink.text().startsWith(`1 [${behind}:2-${1 + behind}] ${2 + behind} ${3 + behind} `)).toBe(true);
    expect(sink.written).toHaveLength(2 + MAX_QUEUED_MESSAGES);
    sink.emit('close');
  });

  it('under drop-oldest queues no more bytes than the limit', () => {
    const { source, sink, dropped } = stuckAfterOne('drop-oldest', { ids: false });
    const large = 'x'.repeat(MAX_QUEUED_BYTES / 4);
    source.say(large, large, large, large);
    expect(dropped()).toBe(0);
    source.say(large);
    expect(dropped()).toBe(1);
    sink.drain();
    expect(sink.written.slice(0, 2)).toEqual(['1 ', '[1] ']);
    expect(sink.written).toHaveLength(6);
    sink.emit('close');
  });

  it('under drop-oldest keeps one message, even one larger than the limit', () => {
    const { source, sink, dropped } = stuckAfterOne('drop-oldest', { ids: false });
    source.say('small', 'x'.repeat(MAX_QUEUED_BYTES + 1));
    expect(dropped()).toBe(1);
    sink.drain();
    expect(sink.written.at(-1)).toHaveLength(MAX_QUEUED_BYTES + 2);
    sink.emit('close');
  });

  it('under latest gets the newest only and is told the exact loss', () => {
    const { source, sink, dropped } = stuckAfterOne('latest');
    source.count(2, 1000);
    expect(dropped()).toBe(998);
    sink.drain();
    source.say('1001');
    expect(sink.text()).toBe('1 [998:2-999] 1000 1001 ');
    sink.emit('close');
  });

  it('is told the loss without ids, too', () => {
    const { source, sink } = stuckAfterOne('latest', { ids: false });
    source.count(2, 4);
    sink.drain();
    expect(sink.text()).toBe('1 [2] 4 ');
    sink.emit('close');
  });

  it('gets what is queued before the end', async () => {
    const { source, sink, pump } = stuckAfterOne('drop-oldest');
    source.count(2, 3);
    source.end();
    expect(sink.ended).toBe(false);
    sink.drain();
    expect(sink.text()).toBe('1 2 3 .OK');
    await expect(pump.done).resolves.toEqual(OK);
    sink.emit('close');
  });

  it('is cut off when it takes nothing for the stall limit', async () => {
    const { source, sink, pump } = stuckAfterOne('block');
    jest.advanceTimersByTime(STALL_LIMIT_MS);
    expect(sink.destroyed).toBe(false);
    jest.advanceTimersByTime(2_000);
    expect(sink.destroyed).toBe(true);
    expect(source.cancelled).toBe(1);
    await expect(pump.done).resolves.toMatchObject({ code: 'CANCELLED' });
  });

  it('is cut off when it does not take the end within the stall limit', async () => {
    const { sink, pump } = stuckAfterOne('block');
    pump.finish(STOPPED);
    await expect(pump.done).resolves.toEqual(STOPPED);
    expect(sink.destroyed).toBe(false);
    jest.advanceTimersByTime(STALL_LIMIT_MS);
    expect(sink.destroyed).toBe(true);
  });

  it('that takes a little now and then is not cut off', () => {
    const { source, sink } = stuckAfterOne('block');
    for (let round = 0; round < 4; round++) {
      jest.advanceTimersByTime(STALL_LIMIT_MS / 2);
      sink.drain();
      sink.stuck = true;
      source.say(String(2 + round));
    }
    expect(sink.destroyed).toBe(false);
    sink.emit('close');
  });
});

describe('an end from inside', () => {
  it.each(['block', 'drop-oldest', 'latest'] as const)('comes at once while blocked (%s)', async (overflow) => {
    const { source, sink, pump } = stuckAfterOne(overflow);
    source.count(2, 5);
    pump.finish(STOPPED);
    expect(sink.text()).toBe('1 .UNAVAILABLE');
    expect(source.cancelled).toBeGreaterThan(0);
    await expect(pump.done).resolves.toEqual(STOPPED);
    // Nothing that comes later gets out.
    source.say('6');
    source.end();
    sink.drain();
    expect(sink.text()).toBe('1 .UNAVAILABLE');
    sink.emit('close');
  });

  it('overtakes a natural end that waits for a slow reader', async () => {
    const { source, sink, pump } = stuckAfterOne('block');
    source.say('2');
    source.end();
    pump.finish(STOPPED);
    expect(sink.text()).toBe('1 .UNAVAILABLE');
    await expect(pump.done).resolves.toEqual(STOPPED);
    sink.emit('close');
  });

  it('after the end says nothing more', () => {
    const { source, sink, pump } = rig('block');
    source.end();
    pump.finish(STOPPED);
    expect(sink.text()).toBe('.OK');
    sink.emit('close');
  });
});

describe('a reader that goes away', () => {
  it.each(['close', 'error'])('is noticed by %s, also while it is waited for', async (event) => {
    const { source, sink, pump } = stuckAfterOne('block');
    source.say('2');
    sink.emit(event, new Error('reset'));
    expect(source.cancelled).toBe(1);
    await expect(pump.done).resolves.toMatchObject({ code: 'CANCELLED' });
  });

  it('before the stream began costs nothing', async () => {
    const sink = new FakeSink();
    sink.destroyed = true;
    const source = new FakeSource();
    const pump = startPump({
      source,
      sink,
      breakOff: () => sink.breakOff(),
      writer: PLAIN,
      overflow: 'block',
      loss: countingLossMeter(),
      outgoing: (bytes) => ({ bytes, json: () => ({ head: '', ascii: '', tail: '' }), id: () => undefined }),
      observer: { wrote: () => {}, frame: () => {}, dropped: () => {} },
    });
    await expect(pump.done).resolves.toMatchObject({ code: 'CANCELLED' });
    expect(source.cancelled).toBe(1);
  });
});

describe('silence', () => {
  it('is broken by a sign of life, again and again', () => {
    const { source, sink, written } = rig('block', { writer: sseWriter() });
    jest.advanceTimersByTime(SILENCE_MS - 1_000);
    expect(sink.text()).toBe('retry: 2000\n\n');
    jest.advanceTimersByTime(2_000);
    expect(sink.text()).toBe('retry: 2000\n\n: \n\n');
    jest.advanceTimersByTime(SILENCE_MS + 1_000);
    expect(sink.text()).toBe('retry: 2000\n\n: \n\n: \n\n');
    source.say('9');
    jest.advanceTimersByTime(SILENCE_MS - 1_000);
    expect(String(sink.written.at(-1))).toBe('id: 9\ndata: 9\n\n');
    expect(written()).toBe(sink.text().length);
    sink.emit('close');
  });

  it('of a reader that takes nothing is not filled up with signs of life', () => {
    const { sink } = stuckAfterOne('block');
    jest.advanceTimersByTime(4 * SILENCE_MS);
    expect(sink.text()).toBe('1 ');
    sink.emit('close');
  });
});

describe('a message that has no such form', () => {
  const picky: StreamWriter = {
    ...PLAIN,
    message: (message) => {
      if (message.json().head === 'bad') throw new Error('secret /etc/passwd');
      if (message.json().head === 'known') throw new PassbandError('DATA_LOSS', 'this one is broken');
      return PLAIN.message(message);
    },
    end: ({ code, message }) => `.${code} ${message}`,
  };

  it.each([
    ['bad', '1 .INTERNAL internal error'],
    ['known', '1 .DATA_LOSS this one is broken'],
  ])('ends the stream with a status that tells no secret (%s)', async (text, written) => {
    const { source, sink, pump } = rig('block', { writer: picky, ids: false });
    source.say('1', text, '2');
    source.end();
    expect(sink.text()).toBe(written);
    expect(source.cancelled).toBeGreaterThan(0);
    expect((await pump.done).code).toBe(text === 'bad' ? 'INTERNAL' : 'DATA_LOSS');
    sink.emit('close');
  });

  it('is told of, too, when the stream had ended while it waited', async () => {
    const { source, sink, pump } = stuckAfterOne('block', { writer: picky, ids: false });
    source.say('bad', '2');
    source.end();
    sink.drain();
    expect(sink.text()).toBe('1 .INTERNAL internal error');
    expect((await pump.done).code).toBe('INTERNAL');
    sink.emit('close');
  });
});

it('breaks the connection off where the format cannot tell a failure', async () => {
  const { source, sink, pump } = rig('block', { writer: { ...PLAIN, end: () => undefined } });
  source.end(STOPPED);
  expect([sink.ended, sink.destroyed]).toEqual([false, true]);
  await expect(pump.done).resolves.toEqual(STOPPED);
});

/** A pace that lets one message go whenever a test says so. */
class FakePace implements SharedPace {
  spent = 0;
  free = 0;
  turn: (() => void) | undefined;
  mayGo(): boolean {
    return this.free > 0;
  }
  wait(turn: () => void): () => void {
    this.turn = turn;
    return () => {
      this.turn = undefined;
    };
  }
  spend(bytes: number): void {
    this.spent += bytes;
    this.free--;
  }
  go(): void {
    const { turn } = this;
    this.turn = undefined;
    turn?.();
  }
}

describe('a reader that is paced', () => {
  it('holds the source back (block), gets a message a turn, and loses nothing', async () => {
    const pace = new FakePace();
    pace.free = 1;
    const { source, sink, pump, dropped } = rig('block', { pace: () => pace });
    source.say('1');
    expect([sink.text(), source.paused]).toEqual(['1 ', false]);
    source.say('2', '3');
    expect([sink.text(), source.paused]).toEqual(['1 ', true]);
    pace.go();
    expect([sink.text(), source.paused]).toEqual(['1 2 ', true]);
    pace.go();
    expect([sink.text(), source.paused]).toEqual(['1 2 3 ', false]);
    source.say('4');
    source.end();
    expect(sink.ended).toBe(false);
    pace.go();
    expect(sink.text()).toBe('1 2 3 4 .OK');
    expect(pace.spent).toBe(8);
    expect(dropped()).toBe(0);
    await expect(pump.done).resolves.toEqual(OK);
    sink.emit('close');
  });

  it('loses the older messages (latest), which are counted and told', () => {
    const pace = new FakePace();
    const { source, sink, dropped } = rig('latest', { pace: () => pace });
    source.count(1, 4);
    pace.go();
    expect(sink.text()).toBe('4 ');
    expect(dropped()).toBe(3);
    source.count(5, 7);
    pace.go();
    expect(sink.text()).toBe('4 [2:5-6] 7 ');
    sink.emit('close');
  });

  it('queues no more than any slow reader (drop-oldest)', () => {
    const pace = new FakePace();
    const { source, sink, dropped } = rig('drop-oldest', { pace: () => pace });
    source.count(1, MAX_QUEUED_MESSAGES + 10);
    expect(dropped()).toBe(10);
    sink.emit('close');
  });

  it('that takes nothing gives its turn to others and waits for both', () => {
    const pace = new FakePace();
    pace.free = 1;
    const { source, sink } = rig('block', { pace: () => pace });
    sink.stuck = true;
    source.say('1', '2');
    expect(pace.turn).toBeUndefined();
    pace.free = 0;
    sink.drain();
    expect(sink.text()).toBe('1 ');
    pace.go();
    expect(sink.text()).toBe('1 2 ');
    sink.emit('close');
  });

  it.each(['close', 'finish'])('gives its turn up when it is over (%s)', (how) => {
    const pace = new FakePace();
    const { source, sink, pump } = rig('block', { pace: () => pace });
    source.say('1');
    expect(pace.turn).toBeDefined();
    if (how === 'finish') pump.finish(STOPPED);
    sink.emit('close');
    expect(pace.turn).toBeUndefined();
    expect(sink.text()).toBe(how === 'finish' ? '.UNAVAILABLE' : '');
  });

  it('is let go when the pace is taken away', () => {
    let pace: FakePace | undefined = new FakePace();
    const waitedFor = pace;
    const { source, sink } = rig('block', { pace: () => pace });
    source.say('1');
    pace = undefined;
    waitedFor.go();
    source.say('2');
    expect(sink.text()).toBe('1 2 ');
    sink.emit('close');
  });
});

it('ends the stream at a message that must not be sent, and sends nothing that waited', async () => {
  const inspect = (bytes: Uint8Array): void => {
    if (String(Buffer.from(bytes)) === '3') throw new PassbandError('PERMISSION_DENIED', 'too much');
  };
  const { source, sink, pump } = rig('block', { inspect });
  source.count(1, 4);
  expect(sink.text()).toBe('1 2 .PERMISSION_DENIED');
  expect(source.cancelled).toBeGreaterThan(0);
  await expect(pump.done).resolves.toMatchObject({ code: 'PERMISSION_DENIED', message: 'too much' });
  sink.emit('close');
});
