import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import TestSequencer from '@jest/test-sequencer';

const testFolder = dirname(dirname(fileURLToPath(import.meta.url)));
/** What takes 15 s or more, longest first. */
const LONG = [
  'cli/refusals',
  'interop/we-take-theirs',
  'trust/ocsp',
  'docs/readme-commands',
  'backend/lost-rights',
  'fuzz/fuzz',
  'backend/iq/subscribe',
  'backend/spectrum/service',
  'e2e/a-list-that-is-out-of-date-refuses-or-warns',
  'e2e/ocsp-ends-what-a-revoked-client-has-open',
  'pki/killed-at-any-moment',
  'backend/iq/tuned',
  'e2e/a-backend-that-is-absent-dies-or-comes-back',
  'e2e/a-tone-above-the-centre-stays-above-it',
  'e2e/a-slow-reader-costs-only-itself',
  'cli/recording/record',
  'interop/openssl-and-curl-take-ours',
  'attacks/a-handshake-flood-keeps-nobody-out',
  'proto/wire-images',
  'interop/mosquitto-takes-ours',
  'attacks/a-window-that-never-opens-holds-little',
  'interop/chromium-takes-ours',
  'backend/recordings/recordings',
  'e2e/only-the-backend-that-is-connected-is-judged',
  'backend/rtl-tcp-listener',
  'e2e/certificates-are-replaced-as-one-and-revocations-wait-for-none',
].map((name) => join(testFolder, `${name}.test.ts`));

/**
 * In which order test files run (testSequencer of jest.config.mjs): those that take longest first, or one of them is left
 * at the end while the other workers have nothing to do. Of the rest jest knows how long each took the last time; on a
 * fresh clone it goes by their size.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const gone = LONG.filter((file) => !existsSync(file));
    if (gone.length > 0) throw new Error(`test/support/sequencer.mjs names what is not there: ${gone.join(', ')}`);
    const place = ({ path }) => (LONG.includes(path) ? LONG.indexOf(path) : LONG.length);
    return super.sort(tests).sort((one, other) => place(one) - place(other));
  }
}
