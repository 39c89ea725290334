// needs: openssl
// Nobody looks at a certificate again when a TLS session is resumed: no handshake with one takes place.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority } from '../../src/pki/authority.ts';
import { isResumed, opensslSession, statusIn } from '../support/openssl-session.ts';
import type { TestFiles } from '../support/pki.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
/** Long enough for four handshakes on a busy machine, short enough to wait for. */
const LIFETIME_MS = 8_000;
const VERSIONS = ['-tls1_2', '-tls1_3'];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());

/** Asks for /whoami in the session that was kept for this client, or in a new one that is then kept. */
function ask(client: TestFiles, version: string, how: 'new' | 'kept'): Promise<string> {
  const session = [how === 'new' ? '-sess_out' : '-sess_in', `${client.certFile}${version}`];
  return opensslSession(
    { port: stack.port, caFile: join(stack.certsDir, 'server-root.crt'), ...client },
    version,
    session,
  );
}

/** A session that was resumed and served once: else what follows would show nothing. */
async function expectResumption(client: TestFiles, version: string): Promise<void> {
  const first = await ask(client, version, 'new');
  const second = await ask(client, version, 'kept');
  expect([statusIn(first), statusIn(second), isResumed(first), isResumed(second)]).toEqual([200, 200, false, true]);
}

beforeAll(() => replaceFile(join(stack.certsDir, 'server-root.crt'), stack.pki.caPem));

describe('a certificate that has expired', () => {
  let notAfter: Date;
  let client: TestFiles;

  it('is let in by a resumed session until then', async () => {
    // X.509 counts whole seconds.
    notAfter = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
    client = await stack.pki.issue({ notAfter });
    await Promise.all(VERSIONS.map((version) => expectResumption(client, version)));
    expect(Date.now()).toBeLessThan(notAfter.getTime());
  });

  it.each(VERSIONS)('and by none after it (%s)', async (version) => {
    await until('it has expired', () => Date.now() > notAfter.getTime());
    const late = await ask(client, version, 'kept');
    // The session is good: who asks on it is judged all the same.
    expect([isResumed(late), statusIn(late)]).toEqual([true, 401]);
    expect(late).toContain('the client certificate has expired');
  });
});

describe('a certificate whose authority was taken out of the bundle', () => {
  it.each(VERSIONS)('is let in by a resumed session until then, and by none after it (%s)', async (version) => {
    const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
    const authority = await createAuthority(`The CA of ${version}`, validity);
    const client = await stack.pki.issue({ issuer: authority });
    const bundle = join(stack.certsDir, 'ca.crt');
    await replaceFile(bundle, `${stack.pki.caPem}\n${authority.certPem}`);
    expect(await stack.gateway.reload()).toBe(true);
    await expectResumption(client, version);

    await replaceFile(bundle, stack.pki.caPem);
    expect(await stack.gateway.reload()).toBe(true);
    const seen = stack.logs.length;
    const late = await ask(client, version, 'kept');
    // Sessions of before are forgotten, and the new handshake comes to nothing.
    expect([isResumed(late), statusIn(late)]).toEqual([false, 0]);
    const refused = () => stack.logs.slice(seen).filter(({ msg }) => msg === 'connection refused');
    const [line] = await until('it is logged', refused, ({ length }) => length > 0);
    expect(line).toMatchObject({ reason: 'handshake', detail: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) });
  });
});
