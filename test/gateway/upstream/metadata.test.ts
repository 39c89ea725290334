import { describe, expect, it } from '@jest/globals';
import { PassbandError } from '../../../src/errors.ts';
import { upstreamMetadata } from '../../../src/gateway/upstream/metadata.ts';
import { IDENTITY_METADATA } from '../../../src/identity-metadata.ts';

/** What the backend would see, besides the two entries that are always there. */
function passedOn(headers: Readonly<Record<string, string | string[]>>): Record<string, unknown> {
  const {
    'x-request-id': id,
    [IDENTITY_METADATA]: identity,
    ...rest
  } = upstreamMetadata(headers, 'r-1', '{}').getMap();
  expect([id, identity]).toEqual(['r-1', '{}']);
  return rest;
}

/** How headers are refused. */
function refusal(headers: Readonly<Record<string, string | string[]>>): {
  readonly status: number;
  readonly says: string;
} {
  try {
    passedOn(headers);
  } catch (error) {
    if (error instanceof PassbandError) return { status: error.status, says: error.publicMessage };
    throw error;
  }
  throw new Error('the headers were taken');
}

describe('headers', () => {
  it.each([
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ['tracestate', 'vendor=1'],
  ])('%s goes on as it is', (name, value) => {
    expect(passedOn({ [name]: value })).toEqual({ [name]: value });
  });

  it('with the prefix go on without it', () => {
    expect(passedOn({ 'grpc-metadata-tenant': 'acme', 'grpc-metadata-x-b3-traceid': '1' })).toEqual({
      tenant: 'acme',
      'x-b3-traceid': '1',
    });
  });

  it('given several times go on several times', () => {
    const metadata = upstreamMetadata({ 'grpc-metadata-a': ['1', '2'] }, 'r', '{}');
    expect(metadata.get('a')).toEqual(['1', '2']);
  });

  it('of binary metadata are base64', () => {
    expect(passedOn({ 'grpc-metadata-trace-bin': 'AAH/' })).toEqual({ 'trace-bin': Buffer.from([0, 1, 255]) });
  });

  it('of binary metadata may be several in one, in both alphabets', () => {
    const metadata = upstreamMetadata({ 'grpc-metadata-trace-bin': 'AAH/, Aw==,_w' }, 'r', '{}');
    expect(metadata.get('trace-bin')).toEqual([Buffer.from([0, 1, 255]), Buffer.from([3]), Buffer.from([255])]);
  });
});

const NEVER = [
  'accept',
  'authorization',
  'cookie',
  'host',
  'user-agent',
  'connection',
  'te',
  'x-forwarded-for',
  'x-forwarded-client-cert',
  'forwarded',
  'client-cert',
  'client-cert-chain',
  'x-client-cert',
  'x-ssl-client-cn',
  'ssl-client-verify',
  'grpc-timeout',
  'grpc-encoding',
  'content-type',
  'x-anything-else',
  IDENTITY_METADATA,
];

describe('what steers, or claims an identity,', () => {
  it.each(NEVER)('%s does not go on', (name) => {
    expect(passedOn({ [name]: 'forged' })).toEqual({});
  });

  it.each(NEVER.filter((name) => name !== 'accept' && name !== 'x-anything-else'))(
    'grpc-metadata-%s does not go on either',
    (name) => {
      expect(passedOn({ [`grpc-metadata-${name}`]: 'forged' })).toEqual({});
    },
  );

  it.each([
    'grpc-metadata-x-passband-identity',
    'grpc-metadata-x-passband-identity-bin',
    'grpc-metadata-x-passband-anything',
    'grpc-metadata-grpc-status',
    'grpc-metadata-:path',
    'grpc-metadata-grpc-metadata-x-passband-identity',
  ])('%s does not go on', (name) => {
    expect(passedOn({ [name]: 'forged' })).toEqual({});
  });

  // Names by which proxies, meshes and frameworks tell an application who calls.
  it.each([
    // Apache, nginx, Kubernetes' front proxy and its impersonation
    ...[
      'Remote-User',
      'X-Remote-User',
      'X-Remote-Group',
      'X-Remote-Extra-Scopes',
      'REMOTE_USER',
      'Remote-Addr',
      'From',
    ],
    ...[
      'Impersonate-User',
      'Impersonate-Group',
      'X-User',
      'X-User-Id',
      'X-UserId',
      'X-Username',
      'X-User-Email',
      'X-Email',
    ],
    // oauth2-proxy, Authelia, Authentik, Grafana, Pomerium, Kong
    ...['X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'X-Auth-Request-Preferred-Username'],
    ...['Remote-Name', 'Remote-Groups', 'X-authentik-username', 'X-WEBAUTH-USER', 'X-Auth-Token', 'X-Access-Token'],
    ...[
      'X-Pomerium-Jwt-Assertion',
      'X-Pomerium-Claim-Email',
      'X-Consumer-Username',
      'X-Credential-Identifier',
      'X-API-Key',
    ],
    // Clouds
    ...['X-Goog-Authenticated-User-Id', 'X-Goog-Iap-Jwt-Assertion', 'X-Endpoint-API-UserInfo', 'X-MS-Client-Principal'],
    ...['X-Amzn-Oidc-Identity', 'X-Amzn-Oidc-Data', 'X-Amzn-Mtls-Clientcert-Subject', 'Cf-Access-Jwt-Assertion'],
    // Certificates
    ...[
      'X-Client-Dn',
      'X-Client-Verify',
      'X-ARR-ClientCert',
      'X-Client-Cert-Chain',
      'X-SSL-Client-S-DN',
      'SSL_CLIENT_S_DN',
    ],
    ...['X-TLS-Client-Cn', 'X-Subject', 'X-Subject-Dn', 'X-Cert-Subject', 'X-Certificate', 'X-SPIFFE-ID', 'X-Peer-Cn'],
    ...['X-Identity', 'X-Principal', 'X-Login', 'X-Account', 'X-Roles', 'X-Role', 'X-Groups', 'X-Scope'],
    // Addresses
    ...[
      'X-Real-IP',
      'True-Client-IP',
      'CF-Connecting-IP',
      'Fastly-Client-IP',
      'X-Cluster-Client-IP',
      'X-Originating-IP',
    ],
    ...['X-Client-IP', 'X-Forwarded', 'X-Original-Forwarded-For', 'X-Envoy-External-Address', 'X-ProxyUser-Ip'],
    // The same in other spellings
    ...[
      'x_remote_user',
      'x.remote.user',
      'X-Remote-User-Bin',
      'x_passband_identity',
      'x.passband.identity',
      'l5d-client-id',
    ],
  ])('Grpc-Metadata-%s does not go on', (name) => {
    expect(passedOn({ [name.toLowerCase()]: 'forged', [`grpc-metadata-${name.toLowerCase()}`]: 'forged' })).toEqual({});
  });

  it.each([
    ...[
      'tenant',
      'station',
      'priority',
      'accept-language',
      'baggage',
      'idempotency-key',
      'x-api-version',
      'x-experiment',
    ],
    ...[
      'x-correlation-id',
      'x-b3-traceid',
      'x-amzn-trace-id',
      'x-cloud-trace-context',
      'uber-trace-id',
      'x-author',
      'script',
    ],
  ])('Grpc-Metadata-%s, which does neither, goes on', (name) => {
    expect(passedOn({ [`grpc-metadata-${name}`]: 'mine' })).toEqual({ [name]: 'mine' });
  });

  it('is set by the gateway alone, whatever the caller sends', () => {
    const metadata = upstreamMetadata(
      { 'x-request-id': 'forged', [IDENTITY_METADATA]: 'forged', 'grpc-metadata-x-request-id': 'forged' },
      'r-1',
      '{"cn":"real"}',
    );
    expect(metadata.get('x-request-id')).toEqual(['r-1']);
    expect(metadata.get(IDENTITY_METADATA)).toEqual(['{"cn":"real"}']);
  });
});

describe('what cannot be passed on is refused:', () => {
  it.each(['ü', 'a\tb', '\u0000', 'a\u007f'])('the value %j', (value) => {
    const { status, says } = refusal({ 'grpc-metadata-a': value, 'grpc-metadata-b': 'ok' });
    expect([status, says]).toEqual([400, expect.stringMatching(/^Grpc-Metadata-a cannot .*; .*printable ASCII/)]);
  });

  it.each(['ü', 'a b', 'AA=A', '*', 'AA===', 'A', 'AAAAA', 'AAA=='])('the binary value %j', (value) => {
    const { status, says } = refusal({ 'grpc-metadata-a-bin': value });
    expect([status, says]).toEqual([400, expect.stringMatching(/^Grpc-Metadata-a-bin cannot .*; .*base64/)]);
  });

  it.each(['', 'a+b', 'a!', '~'])('the name %j', (name) => {
    const { status, says } = refusal({ [`grpc-metadata-${name}`]: 'x' });
    expect([status, says.startsWith(`Grpc-Metadata-${name} cannot be passed on; `)]).toEqual([400, true]);
  });

  it('a name of 65 characters', () => {
    const name = 'x'.repeat(64);
    expect(passedOn({ [`grpc-metadata-${name}`]: '1' })).toEqual({ [name]: '1' });
    expect(refusal({ [`grpc-metadata-${name}x`]: '1' })).toMatchObject({
      status: 431,
      says: expect.stringMatching(/64/),
    });
  });

  it('more than 4 KiB in all', () => {
    const headers = (values: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`grpc-metadata-h${i}`, 'x'.repeat(values)] as const));
    expect(Object.keys(passedOn(headers(1_022)))).toHaveLength(4);
    expect(refusal(headers(1_023))).toMatchObject({ status: 431, says: expect.stringMatching(/4096 bytes/) });
  });

  it('and nothing for what is said of a trace, which is left out then', () => {
    expect(passedOn({ traceparent: 'ü', tracestate: 'x'.repeat(5_000) })).toEqual({});
    const tenant = 'x'.repeat(4_080);
    expect(passedOn({ tracestate: 'a=1', 'grpc-metadata-tenant': tenant })).toEqual({ tenant });
  });

  it('nor for what is never passed on, whatever its value', () => {
    expect(passedOn({ 'grpc-metadata-x-user': 'ü'.repeat(5_000), cookie: 'ü' })).toEqual({});
  });
});
