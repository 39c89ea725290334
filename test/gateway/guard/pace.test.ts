import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Pace } from '../../../src/gateway/guard/pace.ts';
import { type TurnClock, Turns } from '../../../src/gateway/guard/turns.ts';

describe('a pace', () => {
  it('lets a second’s worth go at once, and then waits for what is owed', () => {
    const pace = new Pace(1000, 0);
    expect(pace.waitMs(0)).toBe(0);
    pace.spend(999, 0);
    expect(pace.waitMs(0)).toBe(0);
    pace.spend(501, 0);
    expect(pace.waitMs(0)).toBe(501);
    expect(pace.waitMs(500)).toBe(1);
    expect(pace.waitMs(501)).toBe(0);
  });

  it('lets a message pass that is larger than a second’s worth, and makes it be paid for', () => {
    const pace = new Pace(1000, 0);
    expect(pace.waitMs(0)).toBe(0);
    pace.spend(1_000_000, 0);
    expect(pace.waitMs(998_000)).toBe(1001);
    expect(pace.waitMs(999_001)).toBe(0);
  });

  it('never saves up more than a second’s worth, and a clock that stands or goes back gives nothing', () => {
    const pace = new Pace(1000, 0);
    pace.spend(1500, 3_600_000);
    expect(pace.waitMs(3_600_000)).toBe(501);
    expect(pace.waitMs(0)).toBe(501);
    expect(pace.isFull(3_601_499)).toBe(false);
    expect(pace.isFull(3_601_500)).toBe(true);
  });

  it('lets no more go in any time than its rate, a second’s worth and one message', () => {
    const anyMessages = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), gapMs: fc.nat(400) }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), anyMessages, (rate, messages) => {
        const pace = new Pace(rate, 0);
        let [nowMs, sent, largest] = [0, 0, 0];
        for (const { bytes, gapMs } of messages) {
          nowMs += gapMs;
          if (pace.waitMs(nowMs) > 0) continue;
          pace.spend(bytes, nowMs);
          sent += bytes;
          largest = Math.max(largest, bytes);
          expect(sent).toBeLessThanOrEqual(rate + (rate * nowMs) / 1000 + largest);
        }
      }),
    );
  });
});

/** Time that passes when a test says so. */
class HandClock implements TurnClock {
  private ms = 0;
  private alarms: { readonly atMs: number; readonly wake: () => void }[] = [];
  nowMs(): number {
    return this.ms;
  }
  after(ms: number, wake: () => void): () => void {
    const alarm = { atMs: this.ms + ms, wake };
    this.alarms.push(alarm);
    return () => {
      this.alarms = this.alarms.filter((other) => other !== alarm);
    };
  }
  pass(ms: number): void {
    const untilMs = this.ms + ms;
    for (;;) {
      const next = this.alarms.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.ms = Math.max(this.ms, next.atMs);
      this.alarms = this.alarms.filter((other) => other !== next);
      next.wake();
    }
    this.ms = untilMs;
  }
}

describe('those who share a pace', () => {
  it('send in turn: none starves another', () => {
    const clock = new HandClock();
    const turns = new Turns(1000, clock);
    turns.spend(1000);
    const sent = { a: 0, b: 0, c: 0 };
    const stream = (name: keyof typeof sent, bytes: number): void => {
      const send = (): void => {
        sent[name]++;
        turns.spend(bytes);
        expect(turns.mayGo()).toBe(false);
        turns.wait(send);
      };
      turns.wait(send);
    };
    stream('a', 100);
    stream('b', 100);
    stream('c', 100);
    clock.pass(30_000);
    expect(sent.a + sent.b + sent.c).toBeGreaterThan(290);
    expect(Math.max(...Object.values(sent)) - Math.min(...Object.values(sent))).toBeLessThanOrEqual(1);
  });

  it('let nobody pass those who wait, even when there is enough for both', () => {
    const clock = new HandClock();
    const turns = new Turns(1000, clock);
    turns.spend(1001);
    const free: boolean[] = [];
    for (let stream = 0; stream < 2; stream++) turns.wait(() => free.push(turns.mayGo()));
    clock.pass(500);
    expect(free).toEqual([false, true]);
  });

  it('let those pass who give their turn up, and are idle when nobody waits and nothing is owed', () => {
    const clock = new HandClock();
    const turns = new Turns(1000, clock);
    turns.spend(2000);
    const got: string[] = [];
    const giveUp = turns.wait(() => got.push('a'));
    turns.wait(() => got.push('b'));
    giveUp();
    clock.pass(1000);
    expect(got).toEqual([]);
    expect(turns.mayGo()).toBe(false);
    clock.pass(1);
    expect(got).toEqual(['b']);
    expect(turns.mayGo()).toBe(true);
    expect(turns.isIdle()).toBe(false);
    clock.pass(1000);
    expect(turns.isIdle()).toBe(true);
  });

  it('wait for a debt that is longer than a timer can be', () => {
    const clock = new HandClock();
    const turns = new Turns(1, clock);
    turns.spend(10_000_001);
    let served = 0;
    turns.wait(() => served++);
    clock.pass(9_999_999_000);
    expect(served).toBe(0);
    clock.pass(2000);
    expect(served).toBe(1);
  });
});
