import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildCrl } from '../../src/pki/revocation.ts';
import { loadMaterial } from '../../src/trust/material.ts';
import { forwardedFault, standingFault } from '../../src/trust/standing.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

let pki: TestPki;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());

describe('standing', () => {
  it('ends with revocation', async () => {
    const good = await pki.issue();
    const bad = await pki.issue();
    const leaf = new X509Certificate(bad.certPem);
    const chain = { leaf, intermediates: [] };
    const load = () => loadMaterial(pki.dir, ['server'], { crlFiles: [], staleLists: 'refuse' });
    expect(standingFault((await load()).trust, chain, Date.now())).toBeUndefined();
    const day = 86_400_000;
    const crl = await buildCrl(
      await pki.pair('ca'),
      [{ serial: leaf.serialNumber, reason: 'keyCompromise', at: new Date() }],
      {
        number: 1n,
        thisUpdate: new Date(),
        nextUpdate: new Date(Date.now() + day),
      },
    );
    await writeFile(join(pki.dir, 'crl.pem'), crl);
    const { trust } = await load();
    expect(standingFault(trust, chain, Date.now())).toBe('the client certificate has been revoked');
    expect(forwardedFault(trust, { issuer: leaf.issuer.replaceAll('\n', ','), serial: leaf.serialNumber })).toBe(
      'the client certificate has been revoked',
    );
    const other = { leaf: new X509Certificate(good.certPem), intermediates: [] };
    expect(standingFault(trust, other, Date.now())).toBeUndefined();
    expect(standingFault(trust, other, Date.now() + day + 1000)).toBe('the client certificate has expired');
  });
});
