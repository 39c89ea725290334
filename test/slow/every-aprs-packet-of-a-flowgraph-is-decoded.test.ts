// needs: gnuradio, scipy, curl, multimon-ng, gen_packets
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { declareStation } from '../../src/backend/stations/declared-station.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type RunningPython, startPython } from '../support/python.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Some two minutes of air. */
const PACKETS = 200;
/** Seconds before and after the packets, in which the download begins and ends. */
const SILENCE_S = 5;
/** Milliseconds for the download, which lasts as long as the air; the decoding comes on top. */
const DOWNLOAD_MS = 360_000;
jest.setTimeout(DOWNLOAD_MS + 120_000);

const script = (name: string): string => fileURLToPath(new URL(`./flowgraphs/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'passband-aprs-'));
const file = (name: string): string => join(folder, name);
let python: RunningPython | undefined;
let stack: Stack | undefined;
let sent: readonly string[];

beforeAll(() => {
  sent = Array.from(
    { length: PACKETS },
    (_, i) => `N${i % 10}CALL-${1 + (i % 15)}>APRS,WIDE1-1:>packet ${i} of ${PACKETS}${' and on'.repeat(i % 5)}`,
  );
  writeFileSync(file('packets.txt'), `${sent.join('\n')}\n`);
  execFileSync('gen_packets', ['-r', '44100', '-o', file('packets.wav'), file('packets.txt')], { stdio: 'ignore' });
});
afterAll(async () => {
  await python?.stop();
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The packets that multimon-ng finds in 16-bit audio at 22,050 Hz. */
async function decode(audio: string): Promise<string[]> {
  const { stdout } = await run('multimon-ng', ['-q', '-a', 'AFSK1200', '-A', '-t', 'raw', audio]);
  return Array.from(stdout.matchAll(/^APRS: (.+)$/gm), ([, packet = '']) => packet);
}

it('takes a GNU Radio NBFM transmission from ZeroMQ to curl, in which multimon-ng decodes every APRS packet', async () => {
  python = startPython(script('nbfm_transmitter.py'), [file('packets.wav'), SILENCE_S]);
  const [endpoint = '', rate = '', soundS = ''] = (await python.line()).split(' ');
  const settings = {
    station_id: 'aprs',
    sample_rate: Number(rate),
    center_frequency_hz: 144_390_000,
    zmq: { endpoint, tags: true },
  };
  stack = await startStack({ stations: [declareStation(settings, PACKAGE_ROOT)] });
  const { gatewayUrl, certsDir } = stack;
  python.tell('transmit');
  const seconds = Number(soundS) + SILENCE_S;
  const curl = await run(
    'curl',
    [
      // A flowgraph takes its time to begin; until then there is nothing to download.
      ...[
        '-sS',
        '--fail',
        '--retry',
        '20',
        '--retry-delay',
        '1',
        '--noproxy',
        '*',
        '-o',
        file('samples.cf32'),
        '--cacert',
        join(certsDir, 'ca.crt'),
      ],
      ...['--cert', join(certsDir, 'client.crt'), '--key', join(certsDir, 'client.key')],
      `${gatewayUrl}/v1/stations/aprs/iq:download?seconds=${seconds}`,
    ],
    '',
    DOWNLOAD_MS,
  );
  expect(curl).toMatchObject({ code: 0 });
  expect(statSync(file('samples.cf32')).size).toBe(8 * Math.round(seconds * Number(rate)));

  execFileSync('/usr/bin/python3', [script('nbfm_receiver.py'), file('samples.cf32'), file('received.raw'), rate]);
  expect(await decode(file('received.raw'))).toEqual(sent);
});
