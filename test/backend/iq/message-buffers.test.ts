import { describe, expect, it, jest } from '@jest/globals';
import { FrameReader } from '../../../src/backend/iq/frames/frame-reader.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { MessageBuffers } from '../../../src/backend/iq/message-buffers.ts';
import { ManualClock } from '../manual-clock.ts';
import { bytesOf, HandSource, Sums, seen } from './made-by-hand.ts';

describe('buffers of messages', () => {
  it('are lent again when they came back, to one at a time', () => {
    const buffers = new MessageBuffers();
    const [first, second] = [buffers.lend(1000), buffers.lend(1000)];
    expect(second.buffer).not.toBe(first.buffer);
    buffers.takeBack(first);
    buffers.takeBack(first);
    const [third, fourth] = [buffers.lend(1010), buffers.lend(1000)];
    expect(third).toHaveLength(1010);
    expect(third.buffer).toBe(first.buffer);
    expect([first.buffer, second.buffer]).not.toContain(fourth.buffer);
  });

  it('come back as a part, begin at a multiple of 8, and are made anew when they are too small', () => {
    const buffers = new MessageBuffers();
    const first = buffers.lend(1000);
    buffers.takeBack(first.subarray(7));
    const larger = buffers.lend(5000);
    expect(larger.buffer).not.toBe(first.buffer);
    expect(larger.byteOffset % 8).toBe(0);
  });

  it('that were never lent are left alone', () => {
    const buffers = new MessageBuffers();
    const foreign = Buffer.alloc(1024);
    buffers.takeBack(foreign);
    expect(buffers.lend(1000).buffer).not.toBe(foreign.buffer);
  });

  it.each([
    ['1 MiB of them', 256 * 1024, 4],
    ['one, however large', 2 * 1024 * 1024, 1],
  ])('are kept free only so far: %s', (_name, byteLength, kept) => {
    const buffers = new MessageBuffers();
    const lent = Array.from({ length: 10 }, () => buffers.lend(byteLength));
    for (const buffer of lent) buffers.takeBack(buffer);
    const before = new Set(lent.map(({ buffer }) => buffer));
    const again = Array.from({ length: 10 }, () => buffers.lend(byteLength));
    expect(again.filter(({ buffer }) => before.has(buffer))).toHaveLength(kept);
  });
});

describe('the frames of a shelf', () => {
  const BATCH = 100;

  function setUp(): { source: HandSource; hub: StationHub; reader: () => FrameReader } {
    const source = new HandSource('cu8');
    const hub = new StationHub('s', source, new ManualClock(), new Sums());
    hub.join({ onSamples: () => undefined, onEnd: () => undefined });
    return { source, hub, reader: () => new FrameReader(hub, hub.shelves.borrow('cu8', BATCH), { kind: 'live' }) };
  }

  it('are written where one was that has left its only reader, and nowhere else', () => {
    const { source, reader } = setUp();
    const alone = reader();
    source.make(4 * BATCH);
    const [first, second] = [alone.next(), alone.next()];
    if (first === undefined || second === undefined) throw new Error('no frames');
    alone.left(first);
    const third = alone.next();
    expect(third?.message.buffer).toBe(first.message.buffer);
    expect(alone.next()?.message.buffer).not.toBe(second.message.buffer);
    expect(seen(second).data.equals(bytesOf(BATCH, BATCH, 'cu8'))).toBe(true);
  });

  it('are never written over one that another reader was given or may be given', () => {
    const { source, reader } = setUp();
    const [one, two] = [reader(), reader()];
    source.make(2 * BATCH);
    const [first, same] = [one.next(), two.next()];
    if (first === undefined || same === undefined) throw new Error('no frames');
    expect(same.message).toBe(first.message);
    one.left(first);
    two.left(same);
    expect(one.next()?.message.buffer).not.toBe(first.message.buffer);
    expect(seen(same).data.equals(bytesOf(0, BATCH, 'cu8'))).toBe(true);
  });

  it('that say what their reader lost are given back, too', () => {
    const { source, reader } = setUp();
    const alone = reader();
    source.skip(BATCH);
    source.make(3 * BATCH);
    const first = alone.next();
    if (first === undefined) throw new Error('no frame');
    expect(seen(first).lost).toBe(BATCH);
    alone.left(first);
    expect(alone.next()?.message.buffer).toBe(first.encoded.message.buffer);
    expect(seen(first).data.equals(bytesOf(BATCH, BATCH, 'cu8'))).toBe(true);
  });

  it('that say how many values were saturated are made where nothing new is needed for what they are made of', () => {
    const source = new HandSource('cf32_le');
    const hub = new StationHub('s', source, new ManualClock(), new Sums());
    hub.join({ onSamples: () => undefined, onEnd: () => undefined });
    const reader = new FrameReader(hub, hub.shelves.borrow('cu8', BATCH), { kind: 'live' });
    source.make(20 * BATCH, new Uint8Array(new Float32Array(40 * BATCH).fill(2).buffer));
    const made = jest.spyOn(Buffer, 'allocUnsafeSlow');
    for (let i = 0; i < 20; i++) expect(reader.next()?.saturatedValues).toBe(2 * BATCH);
    const { length } = made.mock.calls;
    made.mockRestore();
    expect(length).toBe(1);
  });
});
