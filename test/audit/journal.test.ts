import { copyFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import pino from 'pino';
import { until } from '../support/until.ts';
import {
  ALLOWED,
  chainBreaksAt,
  FACTS,
  inFolder,
  leave,
  linesOf,
  openIn,
  requestsIn,
  textsOf,
  verified,
} from './journal-under-test.ts';

const HASH = expect.stringMatching(/^[0-9a-f]{64}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const PLACED = { time: TIME, seq: expect.any(Number), prev: HASH, hash: HASH };
const WHO = {
  cn: 'oran-client',
  serial: '7c0f',
  sha256: 'ab'.repeat(32),
  issuer: 'CN=Test CA,O=Passband',
  remote: '127.0.0.1',
  rpc: 'sdr.oran.StationService/GetStation',
  resource: '/v1/stations/sim-1',
  requestId: 'request-1',
};

it('keeps what happened, one JSON object a line, with everything that is known and nothing else', () =>
  inFolder(async (folder) => {
    const startedMs = Date.now();
    const journal = await openIn(folder);
    journal.decision(FACTS, ALLOWED);
    journal.decision(FACTS, {
      outcome: 'deny',
      code: 'PERMISSION_DENIED',
      reason: 'no rule',
      cause: new Error('inside'),
    });
    journal.decision({ ...FACTS, peerCn: 'passband-gateway' }, { ...ALLOWED, shadowed: ['on-trial'] });
    journal.decision(FACTS, {
      outcome: 'deny',
      code: 'RESOURCE_EXHAUSTED',
      reason: 'too many',
      shadowed: ['on-trial'],
    });
    journal.streamEnd(FACTS, {
      code: 'CANCELLED',
      reason: 'gone',
      rule: 'operators',
      bytes: 7,
      frames: 2,
      durationMs: 1.6,
    });
    journal.decision(
      { requestId: undefined, identity: undefined, remote: '::1', rpc: '' },
      { ...ALLOWED, rule: undefined },
    );
    await journal.close();

    const file = join(folder, 'gateway.jsonl');
    expect(await linesOf(file)).toEqual([
      { ...PLACED, event: 'file', v: 1, program: 'gateway', file: 1, seq: 1, prev: '0'.repeat(64) },
      { ...PLACED, event: 'start', pid: process.pid },
      { ...PLACED, ...WHO, event: 'decision', outcome: 'allow', code: 'OK', rule: 'operators', reason: 'allowed' },
      { ...PLACED, ...WHO, event: 'decision', outcome: 'deny', code: 'PERMISSION_DENIED', reason: 'no rule' },
      {
        ...PLACED,
        ...WHO,
        peerCn: 'passband-gateway',
        event: 'decision',
        outcome: 'shadow',
        code: 'OK',
        rule: 'operators',
        reason: 'allowed',
        shadowed: ['on-trial'],
      },
      {
        ...PLACED,
        ...WHO,
        event: 'decision',
        outcome: 'deny',
        code: 'RESOURCE_EXHAUSTED',
        reason: 'too many',
        shadowed: ['on-trial'],
      },
      {
        ...PLACED,
        ...WHO,
        event: 'end',
        code: 'CANCELLED',
        rule: 'operators',
        reason: 'gone',
        bytes: 7,
        frames: 2,
        durationMs: 2,
      },
      { ...PLACED, event: 'decision', outcome: 'allow', code: 'OK', remote: '::1', reason: 'allowed' },
      { ...PLACED, event: 'stop' },
    ]);
    for (const { time } of await linesOf(file)) {
      expect(Date.parse(String(time))).toBeGreaterThanOrEqual(startedMs);
      expect(Date.parse(String(time))).toBeLessThanOrEqual(Date.now());
    }
    expect(chainBreaksAt(await textsOf(file))).toBeUndefined();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['gateway.jsonl']);
  }));

it('makes its folder, for its owner only', () =>
  inFolder(async (folder) => {
    const journal = await openIn(join(folder, 'deep', 'audit'));
    await journal.close();
    expect((await stat(join(folder, 'deep', 'audit'))).mode & 0o777).toBe(0o700);
  }));

it('has no line that a caller could end, and none that a caller could make long', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    const nasty = 'a\n{"event":"decision"}\r\u2028\u0000\ud800","hash":"';
    journal.decision(
      { ...FACTS, resource: nasty, rpc: 'x'.repeat(100_000) },
      { ...ALLOWED, reason: '"'.repeat(9_999) },
    );
    await journal.close();
    const texts = await textsOf(join(folder, 'gateway.jsonl'));
    expect(texts).toHaveLength(4);
    expect(JSON.parse(texts[2] ?? '')).toMatchObject({ resource: nasty.replace('\ud800', '\ud800') });
    expect(texts[2]?.length).toBeLessThan(4_096);
    expect(await verified(folder)).toMatchObject({ lines: 4, fault: undefined });
  }));

it('cuts every text to 512 characters, and lists 32 rules in shadow mode', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder);
    const [whole, long] = ['w'.repeat(512), 'x'.repeat(513)];
    const rules = Array.from({ length: 40 }, (_, n) => `rule-${n}`);
    const { cn = '', serial = '', sha256 = '' } = FACTS.identity ?? {};
    for (const text of [whole, long]) {
      const facts = { ...FACTS, identity: { cn, serial, sha256, issuer: text }, rpc: text, resource: text };
      journal.decision(facts, { ...ALLOWED, reason: text, shadowed: rules });
      journal.streamEnd(facts, { code: 'OK', reason: text, bytes: 0, frames: 0, durationMs: 0 });
    }
    await journal.close();
    const lines = (await linesOf(join(folder, 'gateway.jsonl'))).slice(2, -1);
    expect(lines.map(({ issuer, rpc, resource, reason }) => [issuer, rpc, resource, reason])).toEqual([
      ...Array(2).fill(Array(4).fill(whole)),
      ...Array(2).fill(Array(4).fill(`${'x'.repeat(512)}…`)),
    ]);
    expect(lines[0]?.shadowed).toEqual(rules.slice(0, 32));
  }));

it('goes on where it ended', () =>
  inFolder(async (folder) => {
    for (const from of [1, 3, 5]) {
      const journal = await openIn(folder);
      leave(journal, 2, from);
      await journal.close();
    }
    expect(chainBreaksAt(await textsOf(join(folder, 'gateway.jsonl')))).toBeUndefined();
    expect(await requestsIn(folder)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `request-${n}`));
  }));

it('goes on in a new file when one is full, and carries the chain over', () =>
  inFolder(async (folder) => {
    for (const from of [1, 101]) {
      const journal = await openIn(folder, { maxBytes: 8192 });
      leave(journal, 100, from);
      await journal.close();
    }
    const names = (await readdir(folder)).sort();
    expect(names.length).toBeGreaterThan(5);
    expect(names.slice(0, 2)).toEqual(['gateway.000001.jsonl', 'gateway.000002.jsonl']);
    for (const name of names) expect((await stat(join(folder, name))).size).toBeLessThanOrEqual(8192);
    const texts = (await Promise.all(names.map((name) => textsOf(join(folder, name))))).flat();
    expect(chainBreaksAt(texts)).toBeUndefined();
    const begins = texts.map((text) => JSON.parse(text)).filter(({ event }) => event === 'file');
    expect(begins.map(({ file }) => file)).toEqual(names.map((_, index) => index + 1));
    expect(await requestsIn(folder)).toEqual(Array.from({ length: 200 }, (_, index) => `request-${index + 1}`));
    expect(await verified(folder)).toMatchObject({ fault: undefined, lines: texts.length, firstFile: 1 });
  }));

it('keeps as many files as it is told', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096, keep: 3 });
    leave(journal, 100);
    await journal.close();
    const names = (await readdir(folder)).sort();
    expect(names).toHaveLength(3);
    const { fault, firstFile } = await verified(folder);
    expect(fault).toBeUndefined();
    expect(names).toContain(`gateway.${String(firstFile).padStart(6, '0')}.jsonl`);
    expect((await requestsIn(folder)).at(-1)).toBe('request-100');
  }));

it.each([
  ['moved away', (file: string) => rename(file, `${file}.moved`)],
  ['removed', (file: string) => rm(file)],
])('goes on in a new file when its own is %s under it, and the gap shows', (_, take) =>
  inFolder(async (folder) => {
    const file = join(folder, 'gateway.jsonl');
    const journal = await openIn(folder);
    leave(journal, 1);
    await until('the line is there', async () => (await requestsIn(folder)).length === 1);
    await take(file);
    await until('there is a new file', () => stat(file).catch(() => false));
    leave(journal, 1, 2);
    await journal.close();
    expect(await requestsIn(folder)).toEqual(['request-2']);
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 2 });
  }),
);

it('goes on in a new file when another was put in the place of its own', () =>
  inFolder(async (folder) => {
    const [file, full] = ['gateway.jsonl', 'gateway.000001.jsonl'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    const journal = await openIn(folder);
    leave(journal, 1);
    await until('the line is there', async () => (await requestsIn(folder)).length === 1);
    await rename(file, `${file}.moved`);
    await copyFile(`${file}.moved`, file);
    await until('it has a number', () => stat(full).catch(() => false));
    leave(journal, 1, 2);
    await journal.close();
    expect(await requestsIn(folder)).toEqual(['request-1', 'request-2']);
    expect(await textsOf(full)).toHaveLength(3);
    expect(await verified(folder)).toMatchObject({ fault: undefined, firstFile: 1 });
  }));

it.each([
  ['the only file', undefined, 'gateway.jsonl'],
  ['the file that was written to last', 4096, 'gateway.jsonl'],
  ['the last full file, when the one after it is gone,', 4096, 'gateway.000001.jsonl'],
  ['a full file, when those after it are as they were,', 4096, 'gateway.000001.jsonl'],
])('says at level error that %s was emptied while no program had it', (what, maxBytes, name) =>
  inFolder(async (folder) => {
    const before = await openIn(folder, maxBytes === undefined ? {} : { maxBytes });
    leave(before, 12);
    await before.close();
    const file = join(folder, name);
    await writeFile(file, '');
    if (what.includes('is gone')) await rm(join(folder, 'gateway.jsonl'));
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    await (await openIn(folder, { log })).close();
    expect(lines).toHaveLength(1);
    for (const line of lines) expect(line).toMatchObject({ file, msg: expect.stringMatching(/was emptied/) });
    // Its number stays taken, or the file that is begun could not be given its name when it is full.
    const [first] = await linesOf(join(folder, 'gateway.jsonl'));
    expect(first).toMatchObject({ event: 'file', file: maxBytes === undefined ? 1 : 2 });
  }),
);

it('says no such thing of a journal that begins, goes on or was moved away', () =>
  inFolder(async (folder) => {
    const lines: string[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
    const open = async (): Promise<void> => (await openIn(folder, { log })).close();
    await open();
    await open();
    await rename(join(folder, 'gateway.jsonl'), join(folder, 'gateway.000001.jsonl'));
    await open();
    expect(lines).toEqual([]);
  }));

it('never writes over a file that has the name it would take', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { maxBytes: 4096 });
    await writeFile(join(folder, 'gateway.000001.jsonl'), 'evidence');
    leave(journal, 20);
    await until('it cannot go on', () => {
      try {
        journal.assertWritable();
        return false;
      } catch {
        return true;
      }
    });
    expect(await textsOf(join(folder, 'gateway.000001.jsonl'))).toEqual([]);
    await rm(join(folder, 'gateway.000001.jsonl'));
    await until('it goes on', async () => (await requestsIn(folder)).length === 20);
    await journal.close();
    expect(await verified(folder)).toMatchObject({ fault: undefined });
  }));

it('with always, a line is on the disk before its request goes on, and one sync is for many', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { sync: 'always' });
    leave(journal, 500);
    const settled = journal.settled();
    expect(settled).toBeInstanceOf(Promise);
    await settled;
    expect((await requestsIn(folder)).length).toBe(500);
    expect(journal.settled()).toBeUndefined();
    await journal.close();
  }));

it('with interval, nobody waits', () =>
  inFolder(async (folder) => {
    const journal = await openIn(folder, { sync: 'interval' });
    leave(journal, 10);
    expect(journal.settled()).toBeUndefined();
    await journal.close();
    expect(await requestsIn(folder)).toHaveLength(10);
  }));
