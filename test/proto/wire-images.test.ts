import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, type FileRegistry, fromBinary, ScalarType } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { oracleRegistry } from '../support/protos.ts';

const IMAGES = 'test/fixtures/wire-contract';

/** One line for all that a peer would notice, by full name: every field, enum value, RPC and extension that is ours. */
function wireOf(registry: FileRegistry): string[] {
  const typeOf = (field: { readonly proto: { readonly type: number; readonly typeName: string } }): string =>
    field.proto.typeName || ScalarType[field.proto.type] || '';
  return [...registry]
    .filter((entry) => !entry.file.name.startsWith('google/'))
    .flatMap((entry) => {
      switch (entry.kind) {
        case 'message':
          return entry.fields.map(
            (field) =>
              `${entry.typeName}.${field.name} = ${field.number}: ${field.fieldKind} ${typeOf(field)}` +
              `${field.proto.proto3Optional ? ' optional' : ''}${field.oneof === undefined ? '' : ` of ${field.oneof.name}`}`,
          );
        case 'enum':
          return entry.values.map(({ name, number }) => `${entry.typeName}.${name} = ${number}`);
        case 'service':
          return entry.methods.map(
            ({ name, methodKind, input, output }) =>
              `${entry.typeName}/${name}: ${methodKind} ${input.typeName} -> ${output.typeName}`,
          );
        case 'extension':
          return [`${entry.typeName} = ${entry.number}: ${typeOf(entry)} in ${entry.extendee.typeName}`];
        default:
          return [];
      }
    })
    .sort();
}

const imageOf = (name: string): string[] =>
  wireOf(createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(join(PACKAGE_ROOT, IMAGES, name)))));

describe('the image of all of proto/', () => {
  const now = wireOf(oracleRegistry(join(PACKAGE_ROOT, 'proto')));
  const image = imageOf('passband.binpb');

  it('has nothing that moved or went away', () => {
    expect(image.filter((line) => !now.includes(line))).toEqual([]);
  });

  // What is not in the image may move unnoticed: after an addition, `npm run proto:image`.
  it('has everything that was added', () => {
    expect(now.filter((line) => !image.includes(line))).toEqual([]);
  });

  it('has what Passband added to the contract, and the contract', () => {
    expect(image).toEqual(expect.arrayContaining(imageOf('wire-contract.binpb')));
    expect(image).toEqual(
      expect.arrayContaining([
        'sdr.oran.IQFrame.data = 9: scalar BYTES',
        'sdr.oran.IQStreamService/SubscribeIQ: server_streaming sdr.oran.SubscribeIQRequest -> sdr.oran.IQFrame',
        'sdr.oran.StationService/ListStations: unary sdr.oran.ListStationsRequest -> sdr.oran.ListStationsResponse',
      ]),
    );
  });

  // Protos outside this repository carry the option by its number, and buf has no rule for the number of an extension.
  it('has the options at their numbers', () => {
    expect(image).toEqual(
      expect.arrayContaining([
        'passband.v1.stream = 50810: .passband.v1.StreamOptions in google.protobuf.MethodOptions',
        'passband.v1.sample_rate_hz = 50811: BOOL in google.protobuf.FieldOptions',
        'passband.v1.body = 50812: .passband.v1.BodyOptions in google.protobuf.MethodOptions',
        'passband.v1.range = 50813: .passband.v1.NumberRange in google.protobuf.FieldOptions',
      ]),
    );
  });
});

describe('npm run proto:check', () => {
  const { scripts } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'passband-proto-check-'));
    for (const name of ['proto', 'buf.yaml', 'dist/include', IMAGES]) {
      cpSync(join(PACKAGE_ROOT, name), join(copy, name), { recursive: true });
    }
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  /** The script's own command line over the copy, with one file changed. */
  function checked(file?: string, change: (text: string) => string = (text) => text): { ok: boolean; output: string } {
    const path = join(copy, 'proto', file ?? 'sdr/oran/station.proto');
    const before = readFileSync(path, 'utf8');
    const after = change(before);
    if (file !== undefined) expect(after).not.toBe(before);
    writeFileSync(path, after);
    try {
      const env = { ...process.env, PATH: `${join(PACKAGE_ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}` };
      const ended = spawnSync(scripts['proto:check'] ?? '', { cwd: copy, env, shell: true, encoding: 'utf8' });
      return { ok: ended.status === 0, output: ended.stdout + ended.stderr };
    } finally {
      writeFileSync(path, before);
    }
  }

  it('has nothing against proto/ as it is, nor against an addition', () => {
    expect(checked()).toEqual({ ok: true, output: '' });
    const more = (text: string): string =>
      text.replace('message IQFrame {', 'message IQFrame {\n  // New.\n  string remark = 40;');
    expect(checked('sdr/oran/iq_stream.proto', more)).toEqual({ ok: true, output: '' });
  });

  it.each<[what: string, file: string, place: string, from: string, to: string, complaint: RegExp]>([
    [
      'a number of the fleet',
      'iq_stream',
      'message IQAck',
      'lost = 3',
      'lost = 9',
      /"packets_lost" on message "IQAck"/,
    ],
    ['a number of IQFrame', 'iq_stream', 'message IQFrame', 'data = 9', 'data = 19', /"data" on message "IQFrame"/],
    ['a type of IQFrame', 'iq_stream', 'message IQFrame', 'double sample_rate', 'float sample_rate', /"sample_rate"/],
    ['a name that was added', 'iq_stream', 'message SubscribeIQRequest', 'after_seq', 'past_seq', /"after_sequence"/],
    ['an RPC that was added', 'iq_stream', '', 'rpc SubscribeIQ(', 'rpc FollowIQ(', /"SubscribeIQ"/],
    ['StationService', 'station', '', 'service StationService', 'service PlaceService', /"StationService"/],
    ['a number above 19 of SpectrumData', 'spectrum', 'message SpectrumData', ' = 20;', ' = 90;', /"SpectrumData"/],
    [
      'a number above 19 of SpectrumRequest',
      'spectrum',
      'message SpectrumRequest',
      ' = 20;',
      ' = 90;',
      /"SpectrumRequest"/,
    ],
    ['a stream option', '../../passband/v1/stream_options', 'message', 'ble = 4', 'ble = 14', /"shareable"/],
  ])('is red when %s moves', (_what, file, place, from, to, complaint) => {
    const { ok, output } = checked(`sdr/oran/${file}.proto`, (text) => {
      const at = text.indexOf(place);
      return text.slice(0, at) + text.slice(at).replace(from, to);
    });
    expect(output).toMatch(complaint);
    expect(ok).toBe(false);
  });
});
