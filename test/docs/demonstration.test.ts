// needs: curl, openssl
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../docs/demonstration.sh', import.meta.url));

/** Milliseconds between "…: N ms" in the text and its end; NaN where there is none. */
const tookMs = (text: string, what: string): number => Number(new RegExp(`^${what}: (\\d+) ms$`, 'm').exec(text)?.[1]);

const isListenedOn = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, 'localhost', () => resolve(true)).on('error', () => resolve(false));
    socket.unref();
  });

it('runs to its end: one stream revoked, a certificate rotated, a right taken, nobody else disturbed, nothing left behind', async () => {
  // It checks each of its claims and exits with 1 where one does not hold.
  const { stdout } = await promisify(execFile)('bash', [SCRIPT], { timeout: 100_000 });
  const revoked = tookMs(stdout, 'revocation list written to end of stream');
  const edited = tookMs(stdout, 'policy written to end of stream');
  process.stdout.write(`revocation ${revoked} ms, policy ${edited} ms\n`);
  // The claim is a second; the limit leaves room for a machine that does other things meanwhile.
  expect(revoked).toBeLessThan(10_000);
  expect(edited).toBeLessThan(10_000);
  expect(stdout.match(/bob goes on: \d+ frames, none lost/g)).toHaveLength(2);
  const port = Number(/gateway +https:\/\/localhost:(\d+)/.exec(stdout)?.[1]);
  expect(await isListenedOn(port)).toBe(false);
  expect(stdout).toContain('alice asks again: 401');
  expect(stdout).toContain('bob subscribes again: 403; bob lists stations: 200');
});
