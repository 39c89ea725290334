import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import { AbsentSource } from '../../../../src/backend/iq/sources/absent-source.ts';
import type { Source } from '../../../../src/backend/iq/sources/source.ts';
import { UsageError } from '../../../../src/errors.ts';
import { until } from '../../../support/until.ts';
import { ManualClock } from '../../manual-clock.ts';
import { HandSource } from '../made-by-hand.ts';

it('a source that nobody could take, though it was opened, is let go of and opened anew', async () => {
  const clock = new ManualClock();
  const opened: Source[] = [];
  let closed = 0;
  const logged: Record<string, unknown>[] = [];
  const absent = new AbsentSource({
    kind: 'sigmf',
    first: new UsageError('gone.sigmf-meta: cannot be read'),
    clock,
    log: pino({}, { write: (line: string) => logged.push(JSON.parse(line)) }),
    open: () => ({
      source: Promise.resolve(Object.assign(new HandSource('cu8', 'sigmf'), { close: () => closed++ })),
      giveUp: () => undefined,
    }),
    failed: () => undefined,
    opened: (source) => {
      opened.push(source);
      if (opened.length === 1) throw new Error('no memory for its ring');
    },
  });
  clock.advance(1000);
  await until('it is tried again later', () => clock.timers === 1);
  expect([opened.length, closed]).toEqual([1, 1]);
  expect(absent.fault).toMatchObject({ code: 'UNAVAILABLE' });
  expect(logged.at(-1)).toMatchObject({ level: 40, err: { message: 'no memory for its ring' } });
  clock.advance(2000);
  await until('it is taken', () => opened.length === 2);
  expect([closed, clock.timers]).toEqual([1, 0]);
});
