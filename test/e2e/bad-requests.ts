/** A request that must be refused, and how. */
export interface BadRequest {
  readonly name: string;
  readonly path: string;
  /** GET unless told. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly status: number;
  readonly code: string;
  /** What the answer must say. */
  readonly detail: RegExp;
  /** The Allow header that must come with it. */
  readonly allow?: string;
  /** True when the client of these tests cannot say it over HTTP/2. */
  readonly http1Only?: true;
}

/** Bytes that the gateway of these tests takes as a body. */
export const MAX_BODY_BYTES = 65_536;

const START = '/v1/stations/sim-1:start';
const DOPPLER = '/v1/stations/sim-1:updateDoppler';
const JSON_TYPE = { 'content-type': 'application/json' };

const invalid = (name: string, path: string, detail: RegExp, rest: Partial<BadRequest> = {}): BadRequest => ({
  name,
  path,
  detail,
  status: 400,
  code: 'INVALID_ARGUMENT',
  ...rest,
});

const body = (name: string, text: string | Buffer, detail: RegExp, path = START): BadRequest =>
  invalid(name, path, detail, { method: 'POST', headers: JSON_TYPE, body: text });

/** What is said of every number of a batch size that is none. */
const BATCH_SIZE =
  /^batchSizeSamples: must be a whole number from 1 to 262144 samples, or 0, which keeps the present one$/;
const SAMPLE_RATE =
  /^sampleRate: must be a number from 1000 to 61440000 samples\/s, or 0, which keeps the present one$/;
const TIME =
  /^timestampNs: must be a whole number of ns since 1970-.*, from -3600 to 3600 s from now, or 0, which means now$/;

/** Values that no whole number without a sign is: negative, a fraction, none at all, too large for any type. */
const NOT_COUNTS = ['-1', '0.5', 'NaN', '1e308'];

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** Requests of a caller who may do everything, that are refused all the same. */
export const BAD_REQUESTS: readonly BadRequest[] = [
  invalid('metadata of a name that gRPC has not', '/v1/stations', /Grpc-Metadata-a!b cannot be passed on/i, {
    headers: { 'Grpc-Metadata-a!b': 'x' },
  }),
  body('JSON that breaks off', '{"band": ', /JSON/),
  body('JSON with something behind it', '{} {}', /JSON/),
  body('JSON with a comment', '{/* */}', /JSON/),
  body('JSON in single quotes', "{'band': 'x'}", /JSON/),
  body('a member twice', '{"band": "a", "band": "b"}', /band/),
  body('an array where a message is meant', '[]', /object|message/),
  body('a bare number', '1', /object|message/),
  body('a number for a string', '{"band": 1}', /band/),
  body('a string that is no number', '{"sampleRate": "fast"}', SAMPLE_RATE),
  body('an object for a number', '{"sampleRate": {}}', SAMPLE_RATE),
  body('a string for a bool', '{"enableCompression": "yes"}', /enableCompression|enable_compression/),
  body('an enum value that there is not', '{"compression": "GZIP"}', /compression/),
  body('a fraction for an integer', '{"batchSizeSamples": 1.5}', BATCH_SIZE),
  body('a negative number for an unsigned one', '{"batchSizeSamples": -1}', BATCH_SIZE),
  body('more than 32 bits', '{"batchSizeSamples": 4294967296}', BATCH_SIZE),
  body('more than 64 bits', '{"timestampNs": "9223372036854775808"}', TIME, DOPPLER),
  body('less than 64 bits hold', '{"timestampNs": "-9223372036854775809"}', TIME, DOPPLER),
  body('more than 64 bits as a number', '{"timestampNs": 1e40}', TIME, DOPPLER),
  body(
    'a double beyond all doubles',
    '{"dopplerShiftHz": 1e999}',
    /^dopplerShiftHz: must be a number from -10000000 to 10000000 Hz$/,
    DOPPLER,
  ),
  body('a member that there is not', '{"no_such_field": 1}', /no_such_field/),
  body('a member of every object', '{"__proto__": {"band": "x"}}', /__proto__/),
  body('a member of every class', '{"constructor": 1}', /constructor/),
  body('bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/),
  body('half of a surrogate pair', '{"band": "\\ud800"}', /band|JSON|UTF|surrogate|Unicode/),
  body('nesting without end', nested(20_000), /nest|deep/),
  body('nesting in a member that there is not', `{"x": ${nested(20_000)}}`, /nest|deep|"?x"?/),
  body('another station in the body than in the path', '{"stationId": "adsb"}', /station/),
  invalid('protobuf that breaks off', START, /protobuf|message|body/, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: Buffer.from([0x12, 0x7f, 0x01]),
  }),
  invalid('a body where none is taken', '/v1/stations', /no body/, { headers: JSON_TYPE, body: '{}', http1Only: true }),
  invalid('a query parameter that there is not', '/v1/stations/sim-1/stats?nope=1', /nope/),
  invalid('a query parameter twice', '/v1/stations/sim-1/spectrum?fft_size=64&fft_size=128', /fft_size/),
  invalid(
    'a query parameter of the wrong type',
    '/v1/stations/sim-1/spectrum?fft_size=big',
    /^fft_size: must be a power of two from 64 to 65536 points, or 0, which means 1024$/,
  ),
  ...NOT_COUNTS.flatMap((value) =>
    (
      [
        ['iq', 'batch_size_samples', / from 1 to 262144 samples, or 0, which means the station's setting$/],
        ['iq', 'after_time_ns', / of ns since 1970-01-01T00:00:00Z, at most 5 s after now$/],
        ['iq:download', 'samples', / from 1 to 2000000000000000 samples$/],
        ['spectrum', 'averaging', / from 1 to 1024 segments, or 0, which means 8$/],
        ['spectrum', 'peaks', / from 0 to 64 peaks$/],
      ] as const
    )
      // A time before 1970 is one, long ago: the oldest samples.
      .filter(([, name]) => !(name === 'after_time_ns' && value === '-1'))
      .map(([verb, name, detail]) =>
        invalid(`${value} for ${name}`, `/v1/stations/sim-1/${verb}?${name}=${value}`, detail),
      ),
  ),
  invalid(
    '64 bits too many in the query',
    '/v1/stations/sim-1/iq?after_sequence=18446744073709551616',
    /after_sequence: must be a whole number from 0 to 18446744073709551615 \(number of a frame\)/,
  ),
  invalid('an overflow that the method does not offer', '/v1/stations/sim-1/iq?overflow=grow', /overflow/),
  invalid('a resume position that is none', '/v1/stations/sim-1/iq', /Last-Event-ID/i, {
    headers: { 'last-event-id': 'yesterday' },
  }),
  invalid('a timeout that is none', '/v1/stations', /Grpc-Timeout/i, { headers: { 'grpc-timeout': 'soon' } }),
  invalid('a percent-encoding that is none', '/v1/stations/%zz', /percent-encoding/),
  invalid('an encoding of what is no UTF-8', '/v1/stations/%ff', /percent-encoding|UTF-8/),
  invalid('an encoded NUL', '/v1/stations/sim-1%00', /%00/),
  invalid('a station id that no station can have', '/v1/stations/sim%2F1', /station_id/),
  { name: 'a path that there is not', path: '/v2/stations', status: 404, code: 'NOT_FOUND', detail: /path/ },
  { name: 'a page in another case', path: '/HEALTHZ', status: 404, code: 'NOT_FOUND', detail: /path/ },
  {
    name: 'a verb that there is not',
    path: '/v1/stations/sim-1/iq:explode',
    method: 'POST',
    status: 404,
    code: 'NOT_FOUND',
    detail: /./,
  },
  {
    name: 'a station that there is not',
    path: '/v1/stations/nowhere',
    status: 404,
    code: 'NOT_FOUND',
    detail: /nowhere/,
  },
  {
    name: 'a stream of a station that there is not',
    path: '/v1/stations/nowhere/iq',
    status: 404,
    code: 'NOT_FOUND',
    detail: /nowhere/,
  },
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND'].map(
    (method): BadRequest => ({
      name: `${method} where only GET is`,
      path: '/v1/stations/sim-1/stats',
      method,
      status: 405,
      code: 'UNIMPLEMENTED',
      detail: /GET/,
      allow: 'GET, HEAD',
    }),
  ),
  {
    name: 'GET where only POST is',
    path: '/v1/stations/sim-1/iq:push',
    status: 405,
    code: 'UNIMPLEMENTED',
    detail: /POST/,
    allow: 'POST',
  },
  {
    name: 'a page with POST',
    path: '/whoami',
    method: 'POST',
    status: 405,
    code: 'UNIMPLEMENTED',
    detail: /GET/,
    allow: 'GET, HEAD',
  },
  ...['text/plain', 'text/html, application/xml;q=0.9', 'application/json;q=0'].map(
    (accept): BadRequest => ({
      name: `an answer as ${accept}`,
      path: '/v1/stations',
      headers: { accept },
      status: 406,
      code: 'INVALID_ARGUMENT',
      detail: /application\/json/,
    }),
  ),
  {
    name: 'a stream as a picture',
    path: '/v1/stations/sim-1/iq',
    headers: { accept: 'image/png' },
    status: 406,
    code: 'INVALID_ARGUMENT',
    detail: /text\/event-stream/,
  },
  {
    name: 'a body over the cap',
    path: START,
    method: 'POST',
    headers: JSON_TYPE,
    body: `{"band": "${'a'.repeat(MAX_BODY_BYTES)}"}`,
    status: 413,
    code: 'RESOURCE_EXHAUSTED',
    detail: new RegExp(String(MAX_BODY_BYTES)),
  },
  {
    name: 'a URL over the cap',
    path: `/v1/${'a'.repeat(8200)}`,
    status: 414,
    code: 'INVALID_ARGUMENT',
    detail: /8192/,
  },
  ...[
    { 'content-type': 'text/xml' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'not a type' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  ].map(
    (headers): BadRequest => ({
      name: `a body with ${JSON.stringify(headers)}`,
      path: START,
      method: 'POST',
      headers,
      body: '{}',
      status: 415,
      code: 'INVALID_ARGUMENT',
      detail: /content.(type|encoding)/,
    }),
  ),
  {
    name: 'an antenna that is not there',
    path: '/v1/stations/sim-1/antenna',
    status: 400,
    code: 'FAILED_PRECONDITION',
    detail: /sim-1 has no antenna/,
  },
];
