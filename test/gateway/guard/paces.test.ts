import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Identity } from '../../../src/gateway/guard/identity.ts';
import { Paces } from '../../../src/gateway/guard/paces.ts';
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
const LIMITS = { bytesPerSecond: 1_000_000, requestsPerMinute: 2 };

describe('paces', () => {
  const paces = new Paces();

  it('are one for each caller, rule and rate, and none without a limit', () => {
    const a = paces.of(named('a'), 'r', LIMITS);
    expect(paces.of(named('a'), 'r', LIMITS)).toBe(a);
    expect(paces.of(named('b'), 'r', LIMITS)).not.toBe(a);
    expect(paces.of(named('a'), 's', LIMITS)).not.toBe(a);
    expect(paces.of(named('a'), 'r', { bytesPerSecond: 2 })).not.toBe(a);
    expect(paces.of(named('a'), 'r', {})).toBeUndefined();
    // Names and rules may have spaces in them.
    expect(paces.of(named('a b'), 'c', LIMITS)).not.toBe(paces.of(named('a'), 'b c', LIMITS));
  });

  it('are let go when nothing depends on them, and only then', () => {
    const busy = paces.of(named('busy'), 'r', { bytesPerSecond: 1 });
    busy?.spend(1_000_000);
    for (let i = 0; i < 5000; i++) paces.of(named(`caller-${i}`), 'r', LIMITS);
    expect(paces.size).toBeLessThan(2100);
    expect(paces.of(named('busy'), 'r', { bytesPerSecond: 1 })).toBe(busy);
    expect(() => paces.require(named('busy'), 'r', { bytesPerSecond: 1 })).toThrow('no more than 1 bytes a second');
    expect(() => paces.require(named('idle'), 'r', { bytesPerSecond: 1 })).not.toThrow();
  });
});

describe('requests a minute', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are counted for each caller and rule, if at all', async () => {
    const rates = new RequestRates();
    expect(rates.take(named('a'), 'r', {})).toBeUndefined();
    for (let count = 0; count < 2; count++) await rates.take(named('a'), 'r', LIMITS);
    await expect(rates.take(named('a'), 'r', LIMITS)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await rates.take(named('b'), 'r', LIMITS);
    await rates.take(named('a'), 's', LIMITS);
  });

  it('are counted anew when there have been more limits than any policy has entries', async () => {
    const rates = new RequestRates();
    for (let count = 0; count < 2; count++) await rates.take(named('a'), 'r', LIMITS);
    for (let rule = 0; rule < 4096; rule++) await rates.take(named('a'), `rule ${rule}`, LIMITS);
    await rates.take(named('a'), 'r', LIMITS);
  });

  it('are those of the minute that begins with the first of them', async () => {
    jest.useFakeTimers();
    const rates = new RequestRates();
    const refused = (seconds: string): object => ({ code: 'RESOURCE_EXHAUSTED', headers: { 'retry-after': seconds } });
    await rates.take(named('a'), 'r', LIMITS);
    jest.advanceTimersByTime(20_000);
    await rates.take(named('a'), 'r', LIMITS);
    await expect(rates.take(named('a'), 'r', LIMITS)).rejects.toMatchObject(refused('40'));
    jest.advanceTimersByTime(39_000);
    await expect(rates.take(named('a'), 'r', LIMITS)).rejects.toMatchObject(refused('1'));
    jest.advanceTimersByTime(1000);
    for (let count = 0; count < 2; count++) await rates.take(named('a'), 'r', LIMITS);
    await expect(rates.take(named('a'), 'r', LIMITS)).rejects.toMatchObject(refused('60'));
  });
});
