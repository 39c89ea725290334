// needs: curl, scipy
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Curl, curlOf } from '../support/curl.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RATE_HZ = 1_000_000;
const SAMPLES = 65_536;
/** No whole number of periods in anything, so that rounding to 8 bits makes noise and no lines. */
const TONE_HZ = 123_456.789;

/** The datatypes of SigMF that are complex, how numpy writes and reads them, and what they are carried in. */
const DATATYPES = [
  ['cf32_le', '<f4', 'cf32_le'],
  ['cf32_be', '>f4', 'cf32_le'],
  ['cf64_le', '<f8', 'cf32_le'],
  ['cf64_be', '>f8', 'cf32_le'],
  ['ci32_le', '<i4', 'cf32_le'],
  ['ci32_be', '>i4', 'cf32_le'],
  ['cu32_le', '<u4', 'cf32_le'],
  ['cu32_be', '>u4', 'cf32_le'],
  ['ci16_le', '<i2', 'ci16_le'],
  ['ci16_be', '>i2', 'ci16_le'],
  ['cu16_le', '<u2', 'ci16_le'],
  ['cu16_be', '>u2', 'ci16_le'],
  ['ci8', 'i1', 'ci8'],
  ['cu8', 'u1', 'cu8'],
] as const;

/** Writes a tone as each datatype, its metadata, and beside it the bytes that are to arrive. */
const WRITE = `
import sys, json, hashlib, numpy
folder, cases = sys.argv[1], json.loads(sys.argv[2])
n = numpy.arange(${SAMPLES})
tone = 0.9 * numpy.exp(2j * numpy.pi * ${TONE_HZ / RATE_HZ} * n)
values = numpy.stack([tone.real, tone.imag], axis=1).ravel()
for name, code, carried in cases:
    kind, bits = code[-2], 8 * int(code[-1])
    if kind == 'f': written = values.astype(code)
    elif kind == 'i': written = numpy.rint(values * (2 ** (bits - 1) - 1)).astype(code)
    else: written = numpy.rint((values + 1) * ((2 ** bits - 1) / 2)).astype(code)
    if carried == 'cf32_le':
        exact = written.astype(numpy.float64)
        if kind == 'i': exact = exact / (2 ** 31 - 1)
        if kind == 'u': exact = (exact - (2 ** 31 - 0.5)) / (2 ** 31 - 0.5)
        arrives = exact.astype('<f4')
    elif carried == 'ci16_le':
        arrives = (written.astype(numpy.int64) - (32768 if kind == 'u' else 0)).astype('<i2')
    else: arrives = written
    data = written.tobytes()
    open(f'{folder}/{name}.sigmf-data', 'wb').write(data)
    open(f'{folder}/{name}.arrives', 'wb').write(arrives.tobytes())
    meta = {'global': {'core:datatype': name, 'core:version': '1.2.5', 'core:sample_rate': ${RATE_HZ},
                       'core:sha512': hashlib.sha512(data).hexdigest()},
            'captures': [{'core:sample_start': 0, 'core:frequency': 433e6}], 'annotations': []}
    json.dump(meta, open(f'{folder}/{name}.sigmf-meta', 'w'))
`;

/** Peak of what was received, Hz, and how far below it its mirror image is, dB. */
const LOOK = `
import sys, json, numpy, scipy.signal
folder, cases = sys.argv[1], json.loads(sys.argv[2])
codes = {'cf32_le': '<f4', 'ci16_le': '<i2', 'ci8': 'i1', 'cu8': 'u1'}
found = {}
for name, _, carried in cases:
    raw = numpy.fromfile(f'{folder}/{name}.received', codes[carried]).astype(numpy.float64)
    if carried == 'cu8': raw = raw - 127.5
    iq = raw[0::2] + 1j * raw[1::2]
    power = numpy.abs(numpy.fft.fft(iq * scipy.signal.get_window('blackmanharris', len(iq)))) ** 2
    peak = int(power.argmax())
    mirror = power[[(-peak + near) % len(iq) for near in range(-3, 4)]].max()
    hz = numpy.fft.fftfreq(len(iq), 1 / ${RATE_HZ})[peak]
    found[name] = [hz, 10 * numpy.log10(mirror / power[peak])]
print(json.dumps(found))
`;

let stack: Stack;
let curl: Curl;
let dir: string;
const python = async (program: string): Promise<string> => {
  const { stdout, stderr } = await run('/usr/bin/python3', ['-c', program, dir, JSON.stringify(DATATYPES)]);
  expect(stderr).toBe('');
  return stdout;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-datatypes-'));
  await python(WRITE);
  const stations = DATATYPES.map(([name]) => ({
    stationId: name,
    description: name,
    // Once for whoever comes, so that it begins with its first sample.
    source: { kind: 'sigmf', file: join(dir, `${name}.sigmf-meta`), loop: false } as const,
  }));
  stack = await startStack({ stations });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(async () => {
  await stack?.close();
  await rm(dir, { recursive: true, force: true });
});

const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');

it.each(DATATYPES)('%s (numpy %s) comes to curl as %s, every byte of it', async (name, _code, carried) => {
  const answer = await curl(`/v1/stations/${name}/iq:download?samples=${SAMPLES}`, '-D', join(dir, 'headers'));
  expect(answer.status).toBe(200);
  expect((await readFile(join(dir, 'headers'), 'utf8')).toLowerCase()).toContain(`x-sigmf-datatype: ${carried}`);
  expect(sha512(answer.body)).toBe(sha512(readFileSync(join(dir, `${name}.arrives`))));
  await writeFile(join(dir, `${name}.received`), answer.body);
});

it('the tone is above the centre in all of them, and not below it', async () => {
  const found = JSON.parse(await python(LOOK)) as Readonly<Record<string, readonly [number, number]>>;
  expect(Object.keys(found)).toHaveLength(DATATYPES.length);
  for (const [hz, mirrorDb] of Object.values(found)) {
    expect(Math.abs(hz - TONE_HZ)).toBeLessThan(RATE_HZ / SAMPLES);
    expect(mirrorDb).toBeLessThan(-60);
  }
});
