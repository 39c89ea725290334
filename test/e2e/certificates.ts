import { SUBJECT_OIDS } from '../../src/pki/authority.ts';
import type { TestCertificate } from '../support/pki.ts';

const HOUR_MS = 3_600_000;
const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

/** Certificates with which no handshake comes about, and the reason that is logged; undefined is none at all. */
export const REFUSED: readonly (readonly [string, TestCertificate | undefined, RegExp])[] = [
  ['no certificate', undefined, /did not return a certificate/],
  ['a self-signed one', { issuer: 'self' }, /SELF_SIGNED/],
  ['one of a CA with the name of ours', { issuer: 'other-ca' }, /SIGNATURE|UNABLE_TO/],
  ['an expired one', { notBefore: inHours(-48), notAfter: inHours(-1) }, /EXPIRED/],
  ['one that is not valid yet', { notBefore: inHours(1), notAfter: inHours(48) }, /NOT_YET_VALID/],
  ['one for servers only', { eku: 'server' }, /PURPOSE/],
];

/** Certificates that open nothing though the handshake does, and what the answer says. */
export const NAMELESS: readonly (readonly [string, TestCertificate, RegExp])[] = [
  ['no CN', { cn: null, o: ['oran-client'] }, /has no CN/],
  ['an empty CN', { cn: '' }, /'s CN is empty$/],
  ['a CN of spaces', { cn: '  ' }, /'s CN is empty$/],
  ['a CN of 65 characters', { cn: 'a'.repeat(65) }, /'s CN is longer than 64 characters$/],
  [
    'a CN of 65 characters, the first of them known',
    { cn: `oran-client${' '.repeat(54)}` },
    /'s CN is longer than 64 characters$/,
  ],
  ['a CN of 64 characters, which no rule names', { cn: 'a'.repeat(64) }, /no rule/],
  ['two CNs', { cn: ['oran-client', 'dash-1'] }, /more than one CN/],
  ['the same CN twice', { cn: ['oran-client', 'oran-client'] }, /more than one CN/],
  ['a NUL in its CN', { rawSubject: [{ type: SUBJECT_OIDS.CN, value: 'oran-client\0.evil' }] }, /CN/],
  ['a line feed in its CN', { rawSubject: [{ type: SUBJECT_OIDS.CN, value: 'oran-client\n' }] }, /CN/],
  ['a CN that no rule names', { cn: 'stranger' }, /no rule/],
  ['a known CN in other case', { cn: 'ORAN-Client' }, /no rule/],
  ['a known CN and a space', { cn: 'oran-client ' }, /no rule|CN/],
  ['a known CN as O alone', { cn: 'x', o: ['oran-client'] }, /no rule/],
  ['a known CN as DNS name alone', { cn: 'x', dns: ['oran-client'] }, /no rule/],
];
