import { Metadata } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { responseHeaders } from '../../../src/gateway/upstream/response-headers.ts';

function asked(entries: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return responseHeaders(metadata);
}

it('passes on how a body is called, and facts under names of the backend’s own', () => {
  expect(
    asked({
      'http-header-content-disposition': 'attachment; filename="a.sigmf"',
      'http-header-x-sample-rate-hz': '2000000',
      'X-Other': 'not asked for',
      date: 'today',
    }),
  ).toEqual({ 'content-disposition': 'attachment; filename="a.sigmf"', 'x-sample-rate-hz': '2000000' });
});

it.each([
  ...['content-length', 'content-type', 'content-encoding', 'content-security-policy', 'transfer-encoding'],
  ...['set-cookie', 'location', 'connection', 'www-authenticate', 'access-control-allow-origin', 'trailer'],
  ...['x-accel-redirect', 'x-sendfile', 'x-forwarded-for', 'x-original-url', 'x-passband-identity', 'x-', 'x--a', ''],
])('does not let a backend set %s', (name) => {
  expect(asked({ [`http-header-${name}`]: '1' })).toEqual({});
});

it.each(['http-header-x-a-bin'])('takes no bytes for a header: %s', (name) => {
  const metadata = new Metadata();
  metadata.set(name, Buffer.from('1'));
  expect(responseHeaders(metadata)).toEqual({});
});

it('leaves out what would make the headers too long', () => {
  const headers = asked({ 'http-header-x-long': 'v'.repeat(4090), 'http-header-x-more': '1' });
  expect(Object.keys(headers)).toEqual(['x-long']);
});

it.each(['a\r\nset-cookie: b', 'a\nb', 'a\u0000b', 'ü', ''])(
  'leaves a value out that could not stand there: %j',
  (value) => {
    // gRPC itself takes none of these; whoever speaks the wire by hand may send them.
    const metadata = new Metadata();
    metadata.getMap = () => ({ 'http-header-x-value': value });
    expect(responseHeaders(metadata)).toEqual({});
  },
);
