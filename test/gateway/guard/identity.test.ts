import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { PassbandError } from '../../../src/errors.ts';
import {
  checkValidity,
  type Identity,
  identityFromCertificate,
  identityFromJson,
  identityToJson,
} from '../../../src/gateway/guard/identity.ts';
import { pemToDer } from '../../../src/pki/authority.ts';
import { makeTestPki, type TestCertificate, type TestPki } from '../../support/pki.ts';

const CN = '2.5.4.3';

let pki: TestPki;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());

const identify = async (certificate: TestCertificate): Promise<Identity> =>
  identityFromCertificate(pemToDer((await pki.issue(certificate)).certPem));

const refusal = (read: () => unknown): PassbandError => {
  try {
    read();
  } catch (error) {
    if (error instanceof PassbandError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a certificate that names its holder', () => {
  it('is read in full', async () => {
    const { certPem } = await pki.issue({
      cn: 'Zoë O’Neill, Ops',
      o: ['ACME', 'Öl & Gas'],
      ou: ['O-RAN-DU'],
      dns: ['a.example', '*.b.example'],
      uri: ['spiffe://ran.example/ops/1'],
      email: ['ops@ran.example'],
      ip: ['127.0.0.1'],
      notBefore: new Date('2030-01-01T00:00:00Z'),
      notAfter: new Date('2051-06-01T12:00:00Z'),
    });
    const identity = identityFromCertificate(pemToDer(certPem));
    expect(identity).toEqual({
      cn: 'Zoë O’Neill, Ops',
      organizations: ['ACME', 'Öl & Gas'],
      organizationalUnits: ['O-RAN-DU'],
      dns: ['a.example', '*.b.example'],
      uris: ['spiffe://ran.example/ops/1'],
      emails: ['ops@ran.example'],
      sha256: createHash('sha256').update(pemToDer(certPem)).digest('hex'),
      serial: expect.stringMatching(/^40[0-9a-f]{32}$/),
      issuer: 'CN=Passband development CA',
      notBeforeMs: Date.parse('2030-01-01T00:00:00Z'),
      notAfterMs: Date.parse('2051-06-01T12:00:00Z'),
    });
  });

  test.each<[string, TestCertificate]>([
    ['no extended key usage at all', { eku: 'none' }],
    ['a CN of 64 characters', { cn: 'é'.repeat(64) }],
    ['a PrintableString', { rawSubject: [{ type: CN, value: 'dash-1', encoding: 'printable' }] }],
    // Without names beside the CN, and in another order.
    [
      'a CN before an OU',
      {
        rawSubject: [
          { type: CN, value: 'a' },
          { type: '2.5.4.11', value: 'b' },
        ],
      },
    ],
  ])('%s', async (_what, certificate) => {
    expect((await identify(certificate)).cn).not.toBe('');
  });

  it('has no use for names that are not readable text', async () => {
    const identity = await identify({
      ou: ['good', 'ba\u0000d', ''],
      dns: ['good.example', 'good.example\u0000.evil.example'],
      uri: ['spiffe://a/b c'],
    });
    expect(identity).toMatchObject({ organizationalUnits: ['good'], dns: ['good.example'], uris: [] });
  });
});

test('a certificate that was refused is not read again, however often its holder comes', async () => {
  const der = pemToDer((await pki.issue({ dns: Array.from({ length: 500 }, (_, i) => `host-${i}.example`) })).certPem);
  const first = refusal(() => identityFromCertificate(der));
  expect(first.message).toContain('names of more than 4096 bytes');
  expect(refusal(() => identityFromCertificate(Uint8Array.from(der)))).toBe(first);
});

test('two certificates of the same name are two identities, and each stays itself', async () => {
  const ders = await Promise.all([pki.issue(), pki.issue()].map(async (issued) => pemToDer((await issued).certPem)));
  const first = ders.map((der) => identityFromCertificate(der));
  const again = ders.map((der) => identityFromCertificate(Uint8Array.from(der)));
  expect(again).toEqual(first);
  expect(first[0]?.sha256).not.toBe(first[1]?.sha256);
  // It is shared by all who ask, so nobody may change it.
  expect(Object.isFrozen(first[0]) && Object.isFrozen(first[0]?.organizations)).toBe(true);
});

describe('a certificate that names nobody is refused', () => {
  test.each<[string, TestCertificate, RegExp]>([
    ['no CN', { cn: null, ou: ['oran-client'] }, /no CN/],
    ['an empty subject', { rawSubject: [] }, /no CN/],
    ['two CNs', { cn: ['oran-client', 'admin'] }, /more than one CN/],
    ['the same CN twice', { cn: ['oran-client', 'oran-client'] }, /more than one CN/],
    ['an empty CN', { cn: '' }, /is empty/],
    ['a blank CN', { cn: ' ' }, /is empty/],
    ['a CN too long', { cn: 'a'.repeat(65) }, /longer than 64/],
    ['a CN with NUL', { cn: 'oran-client\u0000.evil' }, /control characters/],
    ['a CN with a newline', { cn: 'oran-client\nrole: admin' }, /control characters/],
    ['a CN with DEL', { cn: 'oran-client\u007f' }, /control characters/],
    ['a CN with a C1 control', { cn: 'oran-client\u0085' }, /control characters/],
    ['a CN that turns the writing direction', { cn: 'oran-\u202etneilc' }, /control characters/],
    ['a CN with a zero-width space', { cn: 'oran\u200b-client' }, /control characters/],
    ['a CN that begins with a byte order mark', { cn: '\ufefforan-client' }, /control characters/],
    ['a CN in BMPString', { rawSubject: [{ type: CN, value: 'oran-client', encoding: 'bmp' }] }, /not readable text/],
    ['a server certificate', { eku: 'server' }, /clientAuth/],
    [
      'more names than can be passed on',
      { dns: Array.from({ length: 200 }, (_, i) => `host-${i}.ran.example`) },
      /4096/,
    ],
  ])('%s', async (_what, certificate, message) => {
    const { certPem } = await pki.issue(certificate);
    const error = refusal(() => identityFromCertificate(pemToDer(certPem)));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', status: 403 });
    expect(error.publicMessage).toMatch(message);
  });

  test.each<[string, (der: Uint8Array) => Uint8Array]>([
    ['nothing', () => new Uint8Array()],
    ['no certificate', () => new TextEncoder().encode('oran-client')],
    ['half a certificate', (der) => der.subarray(0, der.length / 2)],
    ['something after it', (der) => Uint8Array.of(...der, 0)],
    ['two certificates', (der) => Uint8Array.of(...der, ...der)],
    // A UTF8String that is no UTF-8: 'd' of dash-1 becomes 0xff.
    ['a CN of broken UTF-8', (der) => der.with(Buffer.from(der).indexOf('dash-1'), 0xff)],
  ])('%s', async (_what, spoil) => {
    const der = pemToDer((await pki.pair('dashboard')).certPem);
    expect(refusal(() => identityFromCertificate(spoil(der))).code).toBe('PERMISSION_DENIED');
  });
});

test('validity includes both ends and nothing beyond them', async () => {
  const identity = await identify({});
  const { notBeforeMs, notAfterMs } = identity;
  for (const nowMs of [notBeforeMs, notBeforeMs + 1, notAfterMs]) checkValidity(identity, nowMs);
  for (const nowMs of [notBeforeMs - 1, notAfterMs + 1, Number.NaN]) {
    expect(refusal(() => checkValidity(identity, nowMs))).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
  }
  expect(refusal(() => checkValidity({ ...identity, notAfterMs: Number.NaN }, notBeforeMs)).code).toBe(
    'UNAUTHENTICATED',
  );
});

describe('the identity on its way to the backend', () => {
  it('is printable ASCII and comes back the same', async () => {
    const identity = await identify({ cn: 'Zoë 😀 "quoted" \\', ou: ['Öl'], uri: ['spiffe://a/b'], dns: ['a.b'] });
    const json = identityToJson(identity);
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(identityFromJson(json)).toEqual(identity);
  });

  const sample = {
    cn: 'oran-client',
    organizations: ['ACME'],
    organizationalUnits: [],
    dns: ['a.b'],
    uris: [],
    emails: [],
    sha256: '0f'.repeat(32),
    serial: '01',
    issuer: 'CN=ca',
    notBeforeMs: 1,
    notAfterMs: 2,
  };
  const spelled = JSON.stringify(sample);

  it('is believed in its one spelling', () => {
    expect(identityFromJson(spelled)).toEqual(sample);
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', 'oran-client'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['a CN given twice', spelled.replace('"cn":"oran-client"', '"cn":"admin","cn":"oran-client"')],
    ['a member more', spelled.replace('{', '{"admin":true,')],
    ['a prototype', spelled.replace('{', '{"__proto__":{},')],
    ['white space', spelled.replace(',', ', ')],
    ['raw non-ASCII', spelled.replace('oran-client', 'Zoë')],
    ['an escape that is not needed', spelled.replace('oran', '\\u006fran')],
    ['more than 4 KiB', JSON.stringify({ ...sample, uris: Array.from({ length: 500 }, () => 'spiffe://a') })],
    ...(
      [
        ['cn', ''],
        ['cn', 'a\u0000b'],
        ['cn', 'a'.repeat(65)],
        ['cn', ['oran-client']],
        ['organizations', 'ACME'],
        ['organizations', [1]],
        ['organizationalUnits', [null]],
        ['dns', ['a b']],
        ['uris', ['']],
        ['emails', {}],
        ['sha256', '0F'.repeat(32)],
        ['sha256', '0f'],
        ['serial', ''],
        ['serial', 1],
        ['issuer', 'CN=a\nb'],
        ['issuer', undefined],
        ['notBeforeMs', '1'],
        ['notBeforeMs', 1.5],
        ['notAfterMs', null],
      ] as const
    ).map(([key, value]): [string, string] => [
      `${key} = ${JSON.stringify(value)}`,
      JSON.stringify({ ...sample, [key]: value }),
    ]),
  ])('%s is refused', (_what, text) => {
    expect(refusal(() => identityFromJson(text))).toMatchObject({
      code: 'UNAUTHENTICATED',
      publicMessage: 'the forwarded identity is malformed',
    });
  });

  it('is the same frozen object every time, as long as it is not forgotten for others', () => {
    const json = JSON.stringify({ ...sample, cn: 'remembered' });
    const first = identityFromJson(json);
    expect(identityFromJson(json)).toBe(first);
    expect(Object.isFrozen(first) && Object.isFrozen(first.dns)).toBe(true);
    for (let i = 0; i < 1024; i++) identityFromJson(JSON.stringify({ ...sample, cn: `other-${i}` }));
    expect(identityFromJson(json)).not.toBe(first);
    expect(identityFromJson(json)).toEqual(first);
  });
});
