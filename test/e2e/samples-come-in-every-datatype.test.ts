import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { takeFrames } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const SAMPLES = 4096;
const FRAMES = 16;

/** What the bytes of a datatype stand for; radio-conventions of SigMF and rtl_tcp. */
const READ: Readonly<Record<string, (bytes: Buffer, at: number) => number>> = {
  cf32_le: (bytes, at) => bytes.readFloatLE(4 * at),
  ci16_le: (bytes, at) => bytes.readInt16LE(2 * at) / 32767,
  ci8: (bytes, at) => bytes.readInt8(at) / 127,
  cu8: (bytes, at) => (bytes.readUInt8(at) - 127.5) / 127.5,
};

/** Half a step of each datatype, and a little for the 32 bits of cf32. */
const TOLERANCE: Readonly<Record<string, number>> = {
  cf32_le: 1e-7,
  ci16_le: 0.51 / 32767,
  ci8: 0.51 / 127,
  cu8: 0.51 / 127.5,
};

it.each([
  ['adsb', 'cu8'],
  ['sim-1', 'cf32_le'],
])('the samples of %s, whose own are %s', async (station, own) => {
  const path = `/v1/stations/${station}/iq?batch_size_samples=${SAMPLES}`;
  const datatypes = ['', ...Object.keys(READ)];
  // All from the same frame on, so that they have frames in common however late one comes.
  const { lastId } = await takeFrames(await client.events(path), 1);
  const readers = await Promise.all(
    datatypes.map(async (datatype) =>
      takeFrames(await client.events(`${path}&datatype=${datatype}&after_sequence=${lastId}`), FRAMES),
    ),
  );
  const [untouched = new Map<number, Buffer>(), ...converted] = readers.map(
    ({ frames }) => new Map(frames.map(({ id, data }) => [id, data])),
  );
  for (const [index, datatype] of Object.keys(READ).entries()) {
    const shared = [...untouched.keys()].filter((id) => converted[index]?.has(id));
    expect(shared.length).toBeGreaterThan(0);
    for (const id of shared) {
      const [from = Buffer.alloc(0), to = Buffer.alloc(0)] = [untouched.get(id), converted[index]?.get(id)];
      if (datatype === own) expect(to.equals(from)).toBe(true);
      let worst = 0;
      for (let at = 0; at < 2 * SAMPLES; at++) {
        const error = (READ[datatype]?.(to, at) ?? Number.NaN) - (READ[own]?.(from, at) ?? Number.NaN);
        // Not Math.max, which would be NaN for ever: a NaN here must fail.
        if (!(Math.abs(error) <= worst)) worst = Math.abs(error);
      }
      expect(worst).toBeLessThanOrEqual(TOLERANCE[datatype] ?? 0);
    }
  }
});

it('a datatype that is none is refused with the list of those that are', async () => {
  const answer = await client.call('/v1/stations/adsb/iq?datatype=cf64_le');
  expect(answer.json()).toMatchObject({ status: 400, detail: expect.stringContaining('cf32_le, ci16_le, ci8, cu8') });
});
