import { createHash, hash } from 'node:crypto';
import type { AuditDecision, AuditEnd, AuditFacts } from './audit.ts';

/** What the first line of all has for the hash of a line before it. */
export const GENESIS = '0'.repeat(64);
/** Bytes of one line at most; what is cut to length below stays far under it, and a longer one is none of ours. */
export const MAX_LINE_BYTES = 64 * 1024;
/** Characters of a resource, a method, an issuer or a reason; what is longer is cut and ends with an ellipsis. */
const MAX_TEXT_CHARACTERS = 512;
/** Names of rules in shadow mode that a line lists. */
const MAX_NAMED_RULES = 32;

/** The end of every line: its own hash, of fixed length. */
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/;
/** Bytes of that end. */
const TAIL_BYTES = ',"hash":""}'.length + 64;
/** The end of a body that is a repetition already. */
const AGAIN = /,"again":\d+\}$/;
const CLOSING = Buffer.from('}');

/** A line before it has its place in the chain: a JSON object with at least one member. */
export type Body = string;

/** A line in its place. */
export interface Sealed {
  /** Ends with a line feed. */
  readonly line: string;
  readonly hash: string;
}

/** What a line of a journal says of itself. */
export interface ReadLine {
  readonly members: Readonly<Record<string, unknown>>;
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
}

/** The line of a decision. */
export function decisionBody(facts: AuditFacts, decision: AuditDecision): Body {
  const { outcome, code, rule, reason, shadowed = [] } = decision;
  const isShadow = outcome === 'allow' && shadowed.length > 0;
  return JSON.stringify({
    time: new Date().toISOString(),
    event: 'decision',
    outcome: isShadow ? 'shadow' : outcome,
    code,
    ...who(facts),
    rule,
    shadowed: shadowed.length > 0 ? shadowed.slice(0, MAX_NAMED_RULES) : undefined,
    reason: cut(reason),
    requestId: facts.requestId,
  });
}

/** The line of a stream's end. */
export function endBody(facts: AuditFacts, { code, rule, reason, bytes, frames, durationMs }: AuditEnd): Body {
  return JSON.stringify({
    time: new Date().toISOString(),
    event: 'end',
    code,
    ...who(facts),
    rule,
    reason: cut(reason),
    bytes,
    frames,
    durationMs: Math.round(durationMs),
    requestId: facts.requestId,
  });
}

/** A line that is written a second time: it says which one it repeats, the first of them if there are more. */
export function againBody(body: Body, seq: number): Body {
  return AGAIN.test(body) ? body : `${body.slice(0, -1)},"again":${seq}}`;
}

/** The line of something that befell the journal itself. */
export function journalBody(event: string, members: Readonly<Record<string, string | number>>): Body {
  return JSON.stringify({ time: new Date().toISOString(), event, ...members });
}

function who({ identity, peerCn, remote, rpc, resource }: AuditFacts): Readonly<Record<string, string | undefined>> {
  return {
    cn: identity?.cn,
    peerCn,
    serial: identity?.serial,
    sha256: identity?.sha256,
    issuer: cut(identity?.issuer),
    remote,
    rpc: cut(rpc),
    resource: cut(resource),
  };
}

function cut(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  return text.length > MAX_TEXT_CHARACTERS ? `${text.slice(0, MAX_TEXT_CHARACTERS)}…` : text;
}

/** Gives a line its number, the hash of the line before it, and its own: SHA-256 of its bytes but for that last member. */
export function seal(body: Body, seq: number, prev: string): Sealed {
  const text = `${body.slice(0, -1)},"seq":${seq},"prev":"${prev}"}`;
  const digest = hash('sha256', text);
  return { line: `${text.slice(0, -1)},"hash":"${digest}"}\n`, hash: digest };
}

/** Whether bytes have the form of a whole line, right or wrong; what a crash leaves behind has not. */
export function isWhole(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b && TAIL.test(Buffer.from(bytes.subarray(-TAIL_BYTES)).toString('latin1'));
}

/** Reads a line, without its line feed; undefined when its hash is not that of its bytes, or it is no line at all. */
export function readLine(bytes: Uint8Array): ReadLine | undefined {
  if (!isWhole(bytes)) return undefined;
  const tail = TAIL.exec(Buffer.from(bytes.subarray(-TAIL_BYTES)).toString('latin1'));
  const digest = createHash('sha256').update(bytes.subarray(0, -TAIL_BYTES)).update(CLOSING).digest('hex');
  if (tail?.[1] !== digest) return undefined;
  try {
    const members: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof members !== 'object' || members === null) return undefined;
    const { seq, prev } = members as Readonly<Record<string, unknown>>;
    if (!Number.isSafeInteger(seq) || typeof prev !== 'string') return undefined;
    return { members: { ...members }, seq: Number(seq), prev, hash: digest };
  } catch {
    return undefined;
  }
}
