// needs: curl, openssl
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../docs/demonstration.sh', import.meta.url));

/** Runs the script with another limit than its own second. */
const demonstrate = (limitMs: string): Promise<{ readonly stdout: string }> =>
  promisify(execFile)('bash', [SCRIPT], {
    timeout: 100_000,
    env: { ...process.env, PASSBAND_DEMO_LIMIT_MS: limitMs },
  });

/** Milliseconds between "…: N ms" in the text and its end; NaN where there is none. */
const tookMs = (text: string, what: string): number => Number(new RegExp(`^${what}: (\\d+) ms$`, 'm').exec(text)?.[1]);

const isListenedOn = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, 'localhost', () => resolve(true)).on('error', () => resolve(false));
    socket.unref();
  });

it('runs to its end: one stream revoked, a certificate rotated, a right taken, nobody else disturbed, nothing left behind', async () => {
  // It checks each of its claims and exits with 1 where one does not hold. The claim of a second is for a machine that has the
  // time; this one may do other things meanwhile.
  const { stdout } = await demonstrate('10000');
  const revoked = tookMs(stdout, 'revocation list written to end of stream');
  const edited = tookMs(stdout, 'policy written to end of stream');
  process.stdout.write(`revocation ${revoked} ms, policy ${edited} ms\n`);
  expect(revoked).toBeLessThanOrEqual(10_000);
  expect(edited).toBeLessThanOrEqual(10_000);
  expect(stdout.match(/bob goes on: \d+ frames, none lost/g)).toHaveLength(2);
  const port = Number(/gateway +https:\/\/localhost:(\d+)/.exec(stdout)?.[1]);
  expect(await isListenedOn(port)).toBe(false);
  expect(stdout).toContain('alice asks again: 401');
  expect(stdout).toContain('bob subscribes again: 403; bob lists stations: 200');
});

it('fails where the stream of whoever is revoked ends later than the limit', async () => {
  // Nothing ends within a millisecond: a file counts when it was seen alike twice.
  await expect(demonstrate('1')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^FAILED: the stream of alice ended \d+ ms after the revocation list was written; the limit is 1 ms$/m,
    ),
    stdout: expect.stringMatching(/^revocation list written to end of stream: \d+ ms$/m),
  });
});

it('takes a limit in milliseconds only', async () => {
  await expect(demonstrate('1s')).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'PASSBAND_DEMO_LIMIT_MS: "1s" is no whole number of milliseconds\n',
  });
});
