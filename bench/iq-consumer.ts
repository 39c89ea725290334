// Reads a station's frames over gRPC with mutual TLS for a while and checks them; prints what it saw as JSON. Decodes
// nothing but the few bytes before the samples; of some frames it makes the samples itself and compares them.
// usage: node bench/iq-consumer.ts CERTS PORT SECONDS RATE SAMPLES_PER_FRAME
import { Metadata } from '@grpc/grpc-js';
import { SimGenerator } from '../src/backend/iq/sources/sim.ts';
import { loadDescriptors, PASSBAND_PROTO } from '../src/descriptors.ts';
import { encodeMessage, newMessage } from '../src/gateway/routes/message.ts';
import { planOf } from '../src/gateway/routes/plan.ts';
import { openChannel } from '../src/gateway/upstream/channel.ts';
import { loadTlsMaterial } from '../src/pki/tls-files.ts';
import { CENTER_HZ, NOISE_DBFS, SEED, STATION_ID } from './iq-station.ts';

const [certs = '', port = '', seconds = '60', rate = '10000000', batch = '16384'] = process.argv.slice(2);
const sampleRateHz = Number(rate);
/** Seconds before the figures count: programs warm up. Losses count from the first frame. */
const WARM_UP_S = 3;
/** One of so many frames is compared sample by sample. */
const COMPARED_EVERY = 97;
const BYTES_PER_SAMPLE = 8;

/** Field numbers of IQFrame. */
const [SEQUENCE, INDEX, TIMESTAMP, COUNT, DATA, LOST] = [2, 3, 4, 8, 9, 14];

interface Seen {
  readonly fields: Readonly<Record<number, number>>;
  readonly data: Buffer;
}

/** The scalar fields of a frame, and where its samples are. */
function look(message: Buffer): Seen {
  const fields: Record<number, number> = {};
  let data = message.subarray(0, 0);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) fields[field] = varint();
    else if (tag % 8 === 1) at += 8;
    else {
      const length = varint();
      if (field === DATA) data = message.subarray(at, at + length);
      at += length;
    }
  }
  return { fields, data };
}

const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
const method = methods.get('sdr.oran.IQStreamService/SubscribeIQ');
if (method === undefined) throw new Error('SubscribeIQ is gone');
const request = newMessage();
request.station_id = STATION_ID;
request.batch_size_samples = Number(batch);
const tls = await loadTlsMaterial(certs, 'client');
const client = openChannel({ backend: `localhost:${port}`, tls, serviceConfig: {} });
await new Promise<void>((resolve) => client.waitForReady(Date.now() + 5000, () => resolve()));

const generator = new SimGenerator({
  seed: SEED,
  sampleRateHz,
  centerFrequencyHz: CENTER_HZ,
  noiseDbfs: NOISE_DBFS,
});
const own = new Uint8Array(Number(batch) * BYTES_PER_SAMPLE * 2);
let frames = 0;
let samples = 0;
let lost = 0;
let compared = 0;
let wrong = 0;
let next: { readonly sequence: number; readonly index: number } | undefined;
/** Of each frame: the time of its last sample, and that of its arrival, milliseconds since 1970. */
const arrivals: [endMs: number, arrivedMs: number][] = [];
const startedMs = performance.now();
let warmCpu = process.cpuUsage();
let warm = false;

function take(message: Buffer): void {
  const arrivedMs = performance.timeOrigin + performance.now();
  const { fields, data } = look(message);
  const index = fields[INDEX] ?? 0;
  const sequence = fields[SEQUENCE] ?? 0;
  const count = fields[COUNT] ?? 0;
  if (next !== undefined) {
    lost += index - next.index;
    // What the frames say of themselves must agree with what was seen.
    if ((fields[LOST] ?? 0) !== index - next.index || sequence < next.sequence) wrong++;
    if (index === next.index && sequence !== next.sequence) wrong++;
  }
  if (data.length !== count * BYTES_PER_SAMPLE) wrong++;
  next = { sequence: sequence + 1, index: index + count };
  frames++;
  samples += count;
  if (warm) arrivals.push([(fields[TIMESTAMP] ?? 0) / 1e6 + (count / sampleRateHz) * 1000, arrivedMs]);
  else if (performance.now() - startedMs > WARM_UP_S * 1000) {
    warm = true;
    warmCpu = process.cpuUsage();
  }
  if (frames % COMPARED_EVERY !== 0) return;
  const expected = own.subarray(0, data.length);
  generator.fill(index, expected);
  compared++;
  if (Buffer.compare(expected, data) !== 0) wrong++;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const call = client.makeServerStreamRequest(
  '/sdr.oran.IQStreamService/SubscribeIQ',
  asIs,
  asIs,
  encodeMessage(planOf(method.request), request),
  new Metadata(),
);
call.on('data', take);
const ended = new Promise<string>((resolve) => {
  call.on('end', () => resolve('the stream ended'));
  call.on('error', (error) => resolve(error.message));
});
const over = new Promise<undefined>((resolve) =>
  setTimeout(() => resolve(undefined), (WARM_UP_S + Number(seconds)) * 1000),
);
const fault = await Promise.race([ended, over]);
const { user, system } = process.cpuUsage(warmCpu);
call.cancel();
client.close();
const result = {
  ...(fault === undefined ? {} : { fault }),
  seconds: (performance.now() - startedMs) / 1000 - WARM_UP_S,
  totalSeconds: (performance.now() - startedMs) / 1000,
  frames,
  samples,
  lost,
  compared,
  wrong,
  arrivals,
  cpuSeconds: (user + system) / 1e6,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
