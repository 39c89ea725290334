// needs: jsonschema
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { parseSigmfMetadata } from '../../src/sigmf/metadata.ts';
import { CliProcess } from '../support/cli.ts';
import { readSigmf, readSigmfPair } from '../support/read-sigmf.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

/** Stands between a program and the gateway, and cuts what goes through it. */
class Cutter {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes that went to the program, over all connections. */
  bytes = 0;
  connections = 0;
  /** While it is down, connections are cut at once. */
  isDown = false;

  constructor(port: number) {
    this.#server = createServer((socket) => {
      this.connections++;
      if (this.isDown) return void socket.destroy();
      const upstream = connect(port, '127.0.0.1');
      for (const end of [socket, upstream]) {
        this.#sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => {
          this.#sockets.delete(end);
          socket.destroy();
          upstream.destroy();
        });
      }
      upstream.on('data', (chunk) => {
        this.bytes += chunk.length;
      });
      socket.pipe(upstream);
      upstream.pipe(socket);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }
}

let stack: Stack;
let cutter: Cutter;
let url: string;
let folder: string;
let recording: Buffer;
const programs: CliProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-record-'));
  stack = await startStack({ flags: { data: join(folder, 'data') } });
  cutter = new Cutter(stack.port);
  url = `https://localhost:${await cutter.listen()}`;
  recording = await readFile(join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-data'));
});
afterAll(async () => {
  for (const program of programs) program.kill();
  await cutter?.close();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

function record(station: string, output: string, ...flags: readonly string[]): CliProcess {
  const program = new CliProcess([
    ...['record', station, '-o', join(folder, output), '--url', url, '--certs', stack.certsDir],
    ...flags,
  ]);
  programs.push(program);
  return program;
}

/** The recording's bytes from a sample on, round after round. */
function played(from: number, bytes: number): Buffer {
  const begin = (from * 2) % recording.length;
  const rounds = Math.ceil((begin + bytes) / recording.length);
  return Buffer.concat(Array<Buffer>(rounds).fill(recording)).subarray(begin, begin + bytes);
}

describe('passband record', () => {
  it('goes on behind the last sample, without a gap, when its connection is cut', async () => {
    const before = cutter.connections;
    const program = record('adsb', 'cut.sigmf', '--seconds', '2');
    for (const bytes of [1e6, 3e6, 5e6]) {
      const goal = cutter.bytes + (bytes === 1e6 ? 1e6 : 2e6);
      await until(
        'samples come',
        () => cutter.bytes,
        (seen) => seen > goal || program.child.exitCode !== null,
      );
      cutter.cut();
    }
    const { code, stdout, stderr } = await program.ended();
    expect(stderr).not.toContain('missing');
    expect(code).toBe(0);
    expect(cutter.connections - before).toBeGreaterThan(3);
    const archive = await readFile(join(folder, 'cut.sigmf'));
    expect(await readSigmf(archive)).toMatchObject({ bytes: 8_000_000 });
    const [data, meta] = await unpackTar(archive);
    const { captures, sha512: stated } = parseSigmfMetadata(Buffer.from(meta?.data ?? []).toString(), 'cut.sigmf');
    expect(captures).toHaveLength(1);
    const samples = data?.data ?? new Uint8Array();
    expect(samples.length).toBe(8_000_000);
    expect(sha512(samples)).toBe(sha512(played(captures[0]?.globalIndex ?? 0, 8_000_000)));
    expect(stated).toBe(sha512(samples));
    expect(stdout).toContain(`sha512 ${stated}`);
  });

  it('says exactly which samples are missing when it was away for too long', async () => {
    const program = record('adsb', 'away.sigmf-meta', '--seconds', '1');
    const goal = cutter.bytes + 5e5;
    await until(
      'samples come',
      () => cutter.bytes,
      (seen) => seen > goal,
    );
    cutter.isDown = true;
    cutter.cut();
    // Longer than the ring reaches: by the station's own count, which goes on.
    const sinceMs = Date.now();
    await until(
      'the ring has gone on',
      () => Date.now() - sinceMs,
      (passedMs) => passedMs > 7000,
    );
    cutter.isDown = false;
    const { code, stderr } = await program.ended();
    expect(code).toBe(3);
    const [, from, to, lost] = /missing: samples (\d+) to (\d+) \((\d+)\), before \S+Z\n/.exec(stderr) ?? [];
    expect(Number(to) - Number(from) + 1).toBe(Number(lost));
    const data = await readFile(join(folder, 'away.sigmf-data'));
    const { captures } = parseSigmfMetadata(await readFile(join(folder, 'away.sigmf-meta'), 'utf8'), 'away');
    expect(data.length).toBe(4_000_000);
    expect(await readSigmfPair(folder, 'away')).toMatchObject({ bytes: 4_000_000 });
    const [first, second] = captures;
    expect(captures).toHaveLength(2);
    expect((first?.globalIndex ?? 0) + (second?.sampleStart ?? 0)).toBe(Number(from));
    expect(second?.globalIndex).toBe(Number(to) + 1);
    const cut = (second?.sampleStart ?? 0) * 2;
    expect(data.subarray(0, cut).equals(played(first?.globalIndex ?? 0, cut))).toBe(true);
    expect(data.subarray(cut).equals(played(second?.globalIndex ?? 0, data.length - cut))).toBe(true);
  });

  it('keeps what has come when it is interrupted', async () => {
    const program = record('adsb', 'interrupted.cu8');
    const goal = cutter.bytes + 5e5;
    await until(
      'samples come',
      () => cutter.bytes,
      (seen) => seen > goal,
    );
    program.child.kill('SIGINT');
    const { code, stdout } = await program.ended();
    expect(code).toBe(0);
    const data = await readFile(join(folder, 'interrupted.cu8'));
    expect(stdout).toContain(`interrupted.cu8: ${data.length / 2} samples of cu8`);
    expect(stdout).toContain(sha512(data));
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it.each<[what: string, station: string, flags: readonly string[], code: number, said: RegExp]>([
    ['an output that is there', 'adsb', ['-o', 'there.cu8'], 2, /there\.cu8 exists already and is never overwritten/],
    ['an output of no kind', 'adsb', ['-o', 'x.wav'], 2, /its extension says how it is written: \.sigmf/],
    ['two datatypes', 'adsb', ['-o', 'x.cu8', '--datatype', 'ci8'], 2, /the output's extension says cu8/],
    ['two lengths', 'adsb', ['-o', 'x.cu8', '--seconds', '1', '--samples', '1'], 2, /say the same in two ways/],
    ['no number', 'adsb', ['-o', 'x.cu8', '--seconds', 'ten'], 2, /--seconds ten: must be a number from/],
    [
      'an address without TLS',
      'adsb',
      ['-o', 'x.cu8', '--url', 'http://localhost'],
      2,
      /must be the gateway's address/,
    ],
    ['certificates that are not there', 'adsb', ['-o', 'x.cu8', '--certs', 'nowhere'], 2, /ca\.crt cannot be read/],
    ['no station', 'no one', ['-o', 'x.cu8'], 2, /"no one" is no station/],
    ['a station that is not there', 'nobody', ['-o', 'x.cu8'], 1, /404: there is no station nobody/],
  ])('refuses %s', async (_, station, flags, code, said) => {
    await writeFile(join(folder, 'there.cu8'), '');
    const standard = ['--url', url, '--certs', stack.certsDir];
    const own = standard.filter((_flag, i) => !flags.includes(standard[i - (i % 2)] ?? ''));
    const ended = await new CliProcess(['record', station, ...own, ...flags], {}, folder).ended();
    expect(ended.stderr).toMatch(said);
    expect(ended.code).toBe(code);
    expect((await readdir(folder)).filter((name) => name.startsWith('x.'))).toEqual([]);
  });
});
