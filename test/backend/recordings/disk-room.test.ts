import { expect, it } from '@jest/globals';
import { DiskRoom } from '../../../src/backend/recordings/disk-room.ts';
import { ManualClock } from '../manual-clock.ts';

const LIMITS = { quotaBytes: 1000, minFreeBytes: 100 };

it('lets those who ask at once wait for one look at the disk', async () => {
  let looks = 0;
  let found = (_freeBytes: number): void => {};
  const room = new DiskRoom('.', LIMITS, new ManualClock(), () => {
    looks++;
    return new Promise<number>((resolve) => {
      found = resolve;
    });
  });
  const asked = Promise.allSettled([room.take(0), room.take(300), room.take(300)]);
  found(500);
  // 500 bytes are free and 100 stay free: enough for one of the two.
  expect((await asked).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect([looks, room.usedBytes]).toEqual([1, 300]);
});

it('looks again when a look has failed', async () => {
  let isBroken = true;
  const room = new DiskRoom('.', LIMITS, new ManualClock(), async () => {
    if (isBroken) throw new Error('no answer');
    return 500;
  });
  await expect(room.take(1)).rejects.toThrow('no answer');
  isBroken = false;
  await room.take(1);
  expect(room.usedBytes).toBe(1);
});

it('gives each who asks what the quota has left', async () => {
  const room = new DiskRoom('.', LIMITS, new ManualClock(), async () => 1e9);
  const asked = await Promise.allSettled([room.take(600), room.take(600), room.take(400)]);
  expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(room.usedBytes).toBe(1000);
});

it('looks at the disk again a second later, by the clock that it was given', async () => {
  const clock = new ManualClock();
  let freeBytes = 500;
  const room = new DiskRoom('.', LIMITS, clock, async () => freeBytes);
  await room.take(1);
  freeBytes = 100;
  clock.advance(999);
  await room.take(1);
  clock.advance(1);
  await expect(room.take(1)).rejects.toThrow('the disk must keep 100 bytes free');
});
