import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditDecision, AuditFacts } from '../../src/audit/audit.ts';
import { chainsOf } from '../../src/audit/chains.ts';
import { Journal } from '../../src/audit/journal.ts';
import type { JournalOptions } from '../../src/audit/journal-options.ts';
import { type Verified, verifyChain } from '../../src/audit/verify.ts';
import { noAuditMetrics } from '../../src/observability/audit-metrics.ts';
import { noLog } from '../../src/observability/log.ts';

export const FACTS: AuditFacts = {
  requestId: 'request-1',
  identity: { cn: 'oran-client', serial: '7c0f', sha256: 'ab'.repeat(32), issuer: 'CN=Test CA,O=Passband' },
  remote: '127.0.0.1',
  rpc: 'sdr.oran.StationService/GetStation',
  resource: '/v1/stations/sim-1',
};
export const ALLOWED: AuditDecision = { outcome: 'allow', code: 'OK', rule: 'operators', reason: 'allowed' };

export type Line = Readonly<Record<string, unknown>>;

/** A folder of its own, removed at the end. */
export async function inFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'passband-audit-'));
  try {
    await action(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A journal of the gateway in a folder, synced never unless told: what is tested is seldom the disk. */
export function openIn(folder: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return Journal.open({
    folder,
    program: 'gateway',
    sync: 'never',
    maxBytes: 1 << 26,
    keep: 0,
    whenFull: 'stop',
    log: noLog,
    metrics: noAuditMetrics,
    beatMs: 10,
    ...options,
  });
}

/** Leaves lines of requests `request-FROM` and on. */
export function leave(journal: Journal, count: number, from = 1): void {
  for (let n = from; n < from + count; n++) journal.decision({ ...FACTS, requestId: `request-${n}` }, ALLOWED);
}

export async function textsOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').slice(0, -1);
}

export async function linesOf(file: string): Promise<Line[]> {
  return (await textsOf(file)).map((text) => JSON.parse(text));
}

/** The request ids of the decisions in a folder's journal, in the order of its chain. */
export async function requestsIn(folder: string): Promise<unknown[]> {
  const [chain] = await chainsOf([folder]);
  const lines = (await Promise.all((chain?.files ?? []).map(linesOf))).flat();
  return lines.filter(({ event }) => event === 'decision').map(({ requestId }) => requestId);
}

/** What the verifier finds of the one journal in a folder. */
export async function verified(folder: string, head?: string): Promise<Verified> {
  const [chain, second] = await chainsOf([folder]);
  if (chain === undefined || second !== undefined) throw new Error('there must be one journal');
  return verifyChain(chain.program, chain.files, head);
}

/** A chain by the words of docs/audit.md, written with nothing of the program's: what an oracle says of it. */
export function chainBreaksAt(texts: readonly string[]): number | undefined {
  let before = '0'.repeat(64);
  for (const [index, text] of texts.entries()) {
    const cut = text.lastIndexOf(',"hash":"');
    const own = createHash('sha256')
      .update(`${text.slice(0, cut)}}`)
      .digest('hex');
    const { prev, hash, seq } = JSON.parse(text) as { prev: string; hash: string; seq: number };
    if (prev !== before || hash !== own || seq !== index + 1) return index + 1;
    before = hash;
  }
  return undefined;
}
