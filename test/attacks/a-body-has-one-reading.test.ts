// A body that two readers read differently: members twice, names escaped, fields framed as what they are not. Here a
// caller may have one station and one band; whatever reaches the backend is decoded there by gRPC's own library, and is
// what the policy allows. All else never arrives.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { data, FLAG, headerBlock, headers, requestFields } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { rawExchange, requestText } from '../support/raw.ts';
import { isServed, type OneStation, startOneStation } from './one-station.ts';

let gateway: OneStation;

beforeAll(async () => {
  gateway = await startOneStation();
});
afterEach(() => {
  gateway?.arrived();
});
afterAll(() => gateway?.close());

async function post(path: string, type: string, body: string | Buffer): Promise<number> {
  const bytes = Buffer.from(body);
  const head = requestText('POST', path, [`Content-Type: ${type}`, `Content-Length: ${bytes.length}`]);
  return (await rawExchange(gateway.to, Buffer.concat([Buffer.from(head), bytes]))).status;
}

const START = '/v1/stations/sim-1:start';
const nested = (depth: number, text: string): string => `${'{"x":'.repeat(depth)}${text}${'}'.repeat(depth)}`;

describe('JSON that two readers read differently', () => {
  it.each<readonly [string, string | Buffer]>([
    ['another station', '{"stationId":"adsb","band":"C-band"}'],
    ['another station by the name of the proto', '{"station_id":"adsb","band":"C-band"}'],
    ['both spellings', '{"stationId":"sim-1","station_id":"adsb","band":"C-band"}'],
    ['both spellings, the other way round', '{"station_id":"adsb","stationId":"sim-1","band":"C-band"}'],
    ['an escaped name', '{"station\\u0049d":"adsb","band":"C-band"}'],
    ['a name in another case', '{"STATIONID":"adsb","band":"C-band"}'],
    ['a station twice', '{"stationId":"sim-1","stationId":"adsb","band":"C-band"}'],
    ['a list of stations', '{"stationId":["sim-1","adsb"],"band":"C-band"}'],
    ['a station that is an object', '{"stationId":{"toString":"adsb"},"band":"C-band"}'],
    ['another band', '{"band":"Ku-band"}'],
    ['a band twice, the good one first', '{"band":"C-band","band":"Ku-band"}'],
    ['a band twice, the good one last', '{"band":"Ku-band","band":"C-band"}'],
    ['a band twice, once escaped', '{"band":"C-band","\\u0062and":"Ku-band"}'],
    ['a band with a NUL', '{"band":"C-band\\u0000"}'],
    ['a band with a space', '{"band":"C-band "}'],
    ['a band in another case', '{"band":"c-band"}'],
    ['no band', '{}'],
    ['a null band', '{"band":null}'],
    ['a band under __proto__', '{"__proto__":{"band":"C-band"}}'],
    ['__proto__ beside the band', '{"band":"C-band","__proto__":{"band":"Ku-band"}}'],
    ['an escaped __proto__', '{"band":"C-band","\\u005f_proto__":{"band":"Ku-band"}}'],
    ['constructor', '{"band":"C-band","constructor":{"prototype":{"band":"Ku-band"}}}'],
    ['toString', '{"band":"C-band","toString":"Ku-band"}'],
    ['hasOwnProperty', '{"band":"C-band","hasOwnProperty":1}'],
    ['half a surrogate pair', '{"band":"C-band\\ud800"}'],
    ['the halves in the wrong order', '{"band":"C-band\\udc00\\ud800"}'],
    ['a surrogate in UTF-8', Buffer.from('7b2262616e64223a22432d62616e64eda0802 27d'.replace(/ /g, ''), 'hex')],
    ['an overlong letter', Buffer.from('7b2262616e64223a22c183 2d62616e64227d'.replace(/ /g, ''), 'hex')],
    ['nesting beyond all stacks', nested(50_000, '1')],
    ['a number beyond all doubles', '{"band":"C-band","sampleRate":1e999}'],
    ['a number of a hundred thousand digits', `{"band":"C-band","sampleRate":${'9'.repeat(100_000)}}`],
    ['an exponent of a hundred thousand digits', `{"band":"C-band","batchSizeSamples":1e${'9'.repeat(100_000)}}`],
    ['a number that is 2^32', '{"band":"C-band","batchSizeSamples":4294967296}'],
    ['a number in hexadecimal', '{"band":"C-band","batchSizeSamples":0x10}'],
    ['a number with a plus', '{"band":"C-band","batchSizeSamples":+1}'],
    ['not a number', '{"band":"C-band","sampleRate":NaN}'],
    ['a comment', '{"band":"C-band"/*,"band":"Ku-band"*/}'],
    ['a comma at the end', '{"band":"C-band",}'],
    ['two documents', '{"band":"C-band"}{"band":"Ku-band"}'],
    ['a NUL behind the document', '{"band":"C-band"}\0'],
    ['a byte order mark', '\ufeff{"band":"C-band"}'],
    ['UTF-16', Buffer.from('{"band":"C-band"}', 'utf16le')],
  ])('%s is refused', async (_name, body) => {
    expect([400, 403]).toContain(await post(START, 'application/json', body));
    expect(gateway.arrived()).toEqual([]);
    expect(({} as Record<string, unknown>).band).toBeUndefined();
  });

  it('what is clear arrives as it is', async () => {
    const bodies = [
      '{"band":"C-band"}',
      '{"stationId":"sim-1","\\u0062and":"\\u0043-band"}',
      ' {"band" : "C-band"}\r\n',
    ];
    for (const body of bodies) {
      expect(await post(START, 'application/json', body)).toBe(200);
      expect(gateway.arrived()).toMatchObject([{ station_id: 'sim-1', band: 'C-band' }]);
    }
  });
});

/** A field of wire type 2; its tag as given. */
const text = (tag: readonly number[], value: string): Buffer =>
  Buffer.concat([Buffer.from([...tag, value.length]), Buffer.from(value)]);
const [STATION, BAND] = [[0x0a], [0x12]];
const all = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

describe('protobuf that two readers read differently never brings another station or band', () => {
  it.each<readonly [string, Buffer]>([
    ['another station', all(text(STATION, 'adsb'), text(BAND, 'C-band'))],
    ['two stations', all(text(STATION, 'sim-1'), text(STATION, 'adsb'), text(BAND, 'C-band'))],
    ['two bands, the good one first', all(text(BAND, 'C-band'), text(BAND, 'Ku-band'))],
    ['two bands, the good one last', all(text(BAND, 'Ku-band'), text(BAND, 'C-band'))],
    ['a band and an empty one', all(text(BAND, 'C-band'), text(BAND, ''))],
    ['a tag of more octets than it needs', all(text(BAND, 'C-band'), text([0x92, 0x80, 0x80, 0x00], 'Ku-band'))],
    ['a tag with bits beyond 32', all(text(BAND, 'C-band'), text([0x92, 0x80, 0x80, 0x80, 0x10], 'Ku-band'))],
    [
      'a tag of ten octets',
      all(text(BAND, 'C-band'), text([0x92, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 'Ku-band')),
    ],
    [
      'a length of more octets than it needs',
      all(text(BAND, 'C-band'), Buffer.from([0x12, 0x87, 0x00]), Buffer.from('Ku-band')),
    ],
    ['the band as a number', all(text(BAND, 'C-band'), Buffer.from([0x10, 0x01]))],
    ['the band as a group', all(text(BAND, 'C-band'), Buffer.from([0x13]), text(BAND, 'Ku-band'), Buffer.from([0x14]))],
    ['an open group', all(text(BAND, 'C-band'), Buffer.from([0x13]), text(BAND, 'Ku-band'))],
    ['the end of a group that never began', all(text(BAND, 'C-band'), Buffer.from([0x14]), text(BAND, 'Ku-band'))],
    ['a field that swallows what follows', all(text(BAND, 'C-band'), Buffer.from([0x7a, 0xff, 0x01]))],
    ['a field that takes the station in', all(text(BAND, 'C-band'), Buffer.from([0x7a, 0x07]))],
    ['field number zero', all(text(BAND, 'C-band'), Buffer.from([0x02, 0x01, 0x41]))],
    ['a negative length', all(text(BAND, 'C-band'), Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]))],
    ['wire types that there are not', all(text(BAND, 'C-band'), Buffer.from([0x16, 0x17]))],
    ['a band that is not UTF-8', all(text(BAND, 'C-band'), Buffer.from([0x12, 0x02, 0xc1, 0x83]))],
  ])('%s', async (_name, body) => {
    const status = await post(START, 'application/x-protobuf', body);
    expect([200, 400, 403]).toContain(status);
    expect(gateway.arrived()).toEqual(
      isServed(status) ? [expect.objectContaining({ station_id: 'sim-1', band: 'C-band' })] : [],
    );
  });

  it('the last of two bands counts, here and there', async () => {
    expect(await post(START, 'application/x-protobuf', all(text(BAND, 'C-band'), text(BAND, 'Ku-band')))).toBe(403);
    expect(await post(START, 'application/x-protobuf', all(text(BAND, 'Ku-band'), text(BAND, 'C-band')))).toBe(200);
    expect(gateway.arrived()).toMatchObject([{ band: 'C-band' }]);
  });
});

describe('in a stream of requests every message is judged', () => {
  const PUSH = '/v1/stations/sim-1/iq:push';
  const good = '{"band":"C-band"}\n';
  it.each([
    ['another band in the second', `${good}{"band":"Ku-band"}\n`],
    ['no band in the second', `${good}{}\n`],
    ['another station in the second', `${good}{"stationId":"adsb"}\n`],
    ['a station twice in the second', `${good}{"stationId":"sim-1","stationId":"adsb"}\n`],
    ['two messages in a line', `${good}{"band":"C-band"}{"stationId":"adsb"}\n`],
    ['a message behind a carriage return', `${good}{"band":"C-band"}\r{"stationId":"adsb"}\n`],
    ['a message behind a line separator', `${good}{"band":"C-band"}\u2028{"stationId":"adsb"}\n`],
  ])('%s', async (_name, body) => {
    const peer = await Http2Peer.open(gateway.to);
    peer.send(
      headers(1, headerBlock(requestFields('POST', PUSH, [['content-type', 'application/x-ndjson']])), FLAG.endHeaders),
      data(1, body, FLAG.endStream),
    );
    const stream = await peer.over(1);
    expect(stream.status >= 400 || /"code":(3|7)/.test(stream.body)).toBe(true);
    const refused = gateway
      .arrived()
      .filter(({ station_id: station, band }) => station !== 'sim-1' || band !== 'C-band');
    expect(refused).toEqual([]);
    peer.destroy();
  });
});
