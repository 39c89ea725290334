import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import { Paces } from '../../../src/gateway/guard/paces.ts';
import type { Allowance, Limits } from '../../../src/gateway/guard/policy.ts';
import { RequestRates } from '../../../src/gateway/guard/request-rates.ts';

const named = (cn: string): Identity => ({
  cn,
  organizations: [],
  organizationalUnits: [],
  dns: [],
  uris: [],
  emails: [],
  sha256: '00',
  serial: '01',
  issuer: 'CN=ca',
  notBeforeMs: 0,
  notAfterMs: 1,
});
const under = (entry: string, limits: Limits): Allowance => ({ entry, limits });
const LIMITS = { bytesPerSecond: 1_000_000, requestsPerMinute: 2 };

describe('paces', () => {
  const paces = new Paces();

  it('are one for each caller, entry and rate, and none without a limit', () => {
    const a = paces.of(named('a'), under('r', LIMITS));
    expect(paces.of(named('a'), under('r', LIMITS))).toBe(a);
    expect(paces.of(named('b'), under('r', LIMITS))).not.toBe(a);
    expect(paces.of(named('a'), under('s', LIMITS))).not.toBe(a);
    expect(paces.of(named('a'), under('r', { bytesPerSecond: 2 }))).not.toBe(a);
    expect(paces.of(named('a'), under('r', {}))).toBeUndefined();
    // Names and rules' names may have spaces in them.
    expect(paces.of(named('a b'), under('c', LIMITS))).not.toBe(paces.of(named('a'), under('b c', LIMITS)));
  });

  it('are let go when nothing depends on them, and only then', () => {
    const busy = paces.of(named('busy'), under('r', { bytesPerSecond: 1 }));
    busy?.spend(1_000_000);
    for (let i = 0; i < 5000; i++) paces.of(named(`caller-${i}`), under('r', LIMITS));
    expect(paces.size).toBeLessThan(2100);
    expect(paces.of(named('busy'), under('r', { bytesPerSecond: 1 }))).toBe(busy);
    expect(() => paces.require(named('busy'), under('r', { bytesPerSecond: 1 }))).toThrow(
      'no more than 1 bytes a second',
    );
    expect(() => paces.require(named('idle'), under('r', { bytesPerSecond: 1 }))).not.toThrow();
  });
});

describe('requests a minute', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are counted for each caller and entry, if at all', async () => {
    const rates = new RequestRates();
    expect(rates.take(named('a'), under('r', {}))).toBeUndefined();
    for (let count = 0; count < 2; count++) await rates.take(named('a'), under('r', LIMITS));
    await expect(rates.take(named('a'), under('r', LIMITS))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await rates.take(named('b'), under('r', LIMITS));
    await rates.take(named('a'), under('s', LIMITS));
  });

  it('are counted anew when there have been more limits than any policy has entries', async () => {
    const rates = new RequestRates();
    for (let count = 0; count < 2; count++) await rates.take(named('a'), under('r', LIMITS));
    for (let entry = 0; entry < 4096; entry++) await rates.take(named('a'), under(`${entry} r`, LIMITS));
    await rates.take(named('a'), under('r', LIMITS));
  });

  it('are those of the minute that begins with the first of them', async () => {
    jest.useFakeTimers();
    const rates = new RequestRates();
    const refused = (seconds: string): object => ({ code: 'RESOURCE_EXHAUSTED', headers: { 'retry-after': seconds } });
    await rates.take(named('a'), under('r', LIMITS));
    jest.advanceTimersByTime(20_000);
    await rates.take(named('a'), under('r', LIMITS));
    await expect(rates.take(named('a'), under('r', LIMITS))).rejects.toMatchObject(refused('40'));
    jest.advanceTimersByTime(39_000);
    await expect(rates.take(named('a'), under('r', LIMITS))).rejects.toMatchObject(refused('1'));
    jest.advanceTimersByTime(1000);
    for (let count = 0; count < 2; count++) await rates.take(named('a'), under('r', LIMITS));
    await expect(rates.take(named('a'), under('r', LIMITS))).rejects.toMatchObject(refused('60'));
  });
});
