import { once } from 'node:events';
import { SUBJECT_OIDS } from '../../src/pki/authority.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { newKey } from '../../src/pki/keys.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { renewIn } from '../../src/pki/renew.ts';
import { buildRequest } from '../../src/pki/requests.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { signRequest } from '../../src/pki/sign.ts';

// Makes the CAs that a folder lacks, then issues, renews, signs and revokes in it, once it is told to, until it is killed,
// and says what it has handed out.
const [, , dir = ''] = process.argv;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const wanted = [{ type: SUBJECT_OIDS.CN, value: 'asked-for' }];
const request = Buffer.from(await buildRequest(await newKey('p256'), wanted, {}));
say('ready');
await once(process.stdin, 'data');
await inFolder(dir, () => ensureAuthorities(dir, { issuing: true }));
for (let round = 0; ; round += 1) {
  const cn = `c-${process.pid}-${round}`;
  const { certificate } = await issueInto(dir, { profile: 'client', cn });
  say(`issued ${certificate.serialNumber.toLowerCase()}`);
  const renewed = await renewIn(dir, cn, {});
  say(`issued ${renewed.certificate.serialNumber.toLowerCase()}`);
  const signed = await signRequest(dir, request, 'asked-for.csr', { profile: 'client', name: `signed-${cn}` });
  say(`signed ${signed.certificate.serialNumber.toLowerCase()}`);
  const { serial } = await revokeIn(dir, { serial: certificate.serialNumber }, 'superseded');
  say(`revoked ${serial}`);
  await writeLists(dir);
}
