import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

const MINUTE_MS = 60_000;
/** More than a stream takes to open on a busy machine, before the minute turns. */
const ROOM_MS = 20_000;
const TIMEZONE = 'Asia/Kathmandu';
/** How far it is ahead of UTC, all year. */
const OFFSET_MS = (5 * 60 + 45) * MINUTE_MS;

/** Weekday and time of the wall clock there, by means other than the program's. */
function wallClock(atMs: number): { readonly day: string; readonly time: string } {
  const [date = '', time = ''] = new Date(atMs + OFFSET_MS).toISOString().split('T');
  const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  return { day, time: time.slice(0, 5) };
}

const now = Date.now.bind(Date);
/** A minute that begins late enough for streams to be open by then. */
const closesMs = Math.ceil((now() + ROOM_MS) / MINUTE_MS) * MINUTE_MS;
const opens = wallClock(closesMs - 30 * MINUTE_MS);
const closes = wallClock(closesMs);

const when = (day: string, from: string, to: string): string =>
  `when: [{ days: [${day}], from: "${from}", to: "${to}", timezone: ${TIMEZONE} }]`;
const entry = (method: string, rest = ''): string => `      - { methods: ["sdr.oran.${method}"]${rest} }\n`;
const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: shifts
    subjects: ["cn:*"]
    allow:
${entry('SpectrumMonitorService/StreamSpectrum', `, ${when(opens.day, opens.time, closes.time)}`)}${entry(
  'IQStreamService/SubscribeIQ',
  `, ${when(opens.day, opens.time, wallClock(closesMs + 30 * MINUTE_MS).time)}`,
)}${entry('StationService/GetStation', `, ${when(closes.day, closes.time, wallClock(closesMs + 30 * MINUTE_MS).time)}`)}`;

const SPECTRA = '/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true';

let stack: Stack;
let caller: Caller;

beforeAll(async () => {
  // The clock goes over the border when the test says so, however long it takes until then.
  jest.spyOn(Date, 'now').mockImplementation(() => Math.min(now(), closesMs - 1));
  stack = await startStack({ policy: POLICY });
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), true);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await caller?.close();
  await stack?.close();
});

/** The next event with data in it. */
async function message(stream: EventStream): Promise<{ readonly event?: string | undefined; readonly data: string }> {
  for await (const event of stream) if (event.data !== '') return event;
  throw new Error('the stream is over');
}

it('at the minute at which it closes by the wall clock of its time zone; what has another window goes on', async () => {
  const [lost, kept] = [await caller.events(SPECTRA), await caller.events('/v1/stations/sim-1/iq')];
  expect([lost.status, kept.status]).toEqual([200, 200]);
  expect((await caller.call('/v1/stations/sim-1')).status).toBe(403);

  const forwardMs = Math.max(closesMs - now(), 0) + 1;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + forwardMs);
  let last: { readonly event?: string | undefined; readonly data: string } | undefined;
  for await (const event of lost) last = event;
  expect(last?.event).toBe('end');
  expect(JSON.parse(last?.data ?? '')).toMatchObject({
    code: 7,
    message: 'rule "shifts" allows this caller the method, but not at this time',
  });
  expect((await message(kept)).event).not.toBe('end');
  kept.stop();
  expect((await caller.call(SPECTRA)).status).toBe(403);
  expect((await caller.call('/v1/stations/sim-1')).status).toBe(200);
});
