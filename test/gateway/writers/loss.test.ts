import { describe, expect, it } from '@jest/globals';
import { contiguousLossMeter, countingLossMeter } from '../../../src/gateway/writers/loss.ts';

describe('a meter for ids that count up', () => {
  it.each<readonly [string, string | undefined, readonly string[], readonly unknown[]]>([
    ['nothing before the first', undefined, ['41', '42'], [undefined, undefined]],
    ['a jump', undefined, ['1', '5', '6'], [undefined, { lost: 3, from: '2', to: '4' }, undefined]],
    ['one lost', undefined, ['1', '3'], [undefined, { lost: 1, from: '2', to: '2' }]],
    ['a seamless return', '9', ['10', '11'], [undefined, undefined]],
    ['a return too late', '9', ['20'], [{ lost: 10, from: '10', to: '19' }]],
    ['a repetition', undefined, ['5', '5', '6'], [undefined, undefined, undefined]],
    ['a source that began anew', '900', ['3', '4', '6'], [undefined, undefined, { lost: 1, from: '5', to: '5' }]],
    [
      'ids beyond 2^53',
      '9007199254740993',
      ['9007199254740996'],
      [{ lost: 2, from: '9007199254740994', to: '9007199254740995' }],
    ],
    [
      'a loss beyond 2^53',
      '0',
      ['18446744073709551615'],
      [{ lost: 18446744073709551614n, from: '1', to: '18446744073709551614' }],
    ],
  ])('tells %s', (_, resumedAfter, ids, gaps) => {
    const meter = contiguousLossMeter(resumedAfter);
    expect(ids.map((id) => meter.before(id))).toEqual(gaps);
  });

  it('does not count twice what the gateway itself dropped', () => {
    const meter = contiguousLossMeter(undefined);
    meter.before('1');
    meter.dropped();
    meter.dropped();
    expect(meter.before('4')).toEqual({ lost: 2, from: '2', to: '3' });
    expect(meter.before('5')).toBeUndefined();
  });
});

describe('a meter for ids with epochs', () => {
  it.each<readonly [string, string | undefined, readonly string[], readonly unknown[]]>([
    ['a jump within an epoch', undefined, ['7-1', '7-5'], [undefined, { lost: 3, from: '7-2', to: '7-4' }]],
    ['a seamless return', '7-9', ['7-10', '7-11'], [undefined, undefined]],
    ['a return too late', '7-9', ['7-20'], [{ lost: 10, from: '7-10', to: '7-19' }]],
    [
      'an epoch that changed meanwhile, and no number',
      '7-900',
      ['8-3', '8-4', '8-6'],
      [{ lost: null, reason: 'epoch', from: '7-900', to: '8-3' }, undefined, { lost: 1, from: '8-5', to: '8-5' }],
    ],
    [
      'an epoch that changes on the way, whatever the numbers',
      undefined,
      ['b-4', 'a-5'],
      [undefined, { lost: null, reason: 'epoch', from: 'b-4', to: 'a-5' }],
    ],
    ['the same epoch, going back', undefined, ['b-4', 'b-2', 'b-3'], [undefined, undefined, undefined]],
    ['an id of older times, in the present epoch', '5', ['7-9'], [{ lost: 3, from: '7-6', to: '7-8' }]],
    ['negative ids', '7--5', ['7--2'], [{ lost: 2, from: '7--4', to: '7--3' }]],
  ])('tells %s', (_, resumedAfter, ids, gaps) => {
    const meter = contiguousLossMeter(resumedAfter, true);
    expect(ids.map((id) => meter.before(id))).toEqual(gaps);
  });
});

describe('a meter without ids', () => {
  it('tells what was dropped, once', () => {
    const meter = countingLossMeter();
    expect(meter.before(undefined)).toBeUndefined();
    meter.dropped();
    meter.dropped();
    expect(meter.before(undefined)).toEqual({ lost: 2 });
    expect(meter.before(undefined)).toBeUndefined();
  });
});
