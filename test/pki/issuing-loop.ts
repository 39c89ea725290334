import { once } from 'node:events';
import { issueInto } from '../../src/pki/issue.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { revokeIn } from '../../src/pki/revoke.ts';

// Issues, renews and revokes in one folder, once it is told to, until it is killed, and says what it has handed out.
const [, , dir = ''] = process.argv;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
say('ready');
await once(process.stdin, 'data');
for (let round = 0; ; round += 1) {
  const cn = `c-${process.pid}-${round}`;
  const { certificate } = await issueInto(dir, { profile: 'client', cn });
  say(`issued ${certificate.serialNumber.toLowerCase()}`);
  const renewed = await renewIn(dir, cn, {});
  say(`issued ${renewed.certificate.serialNumber.toLowerCase()}`);
  const { serial } = await revokeIn(dir, { serial: certificate.serialNumber }, 'superseded');
  say(`revoked ${serial}`);
  await writeLists(dir);
}
