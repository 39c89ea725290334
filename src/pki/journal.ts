import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, syncFolder } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { REVOCATION_REASONS, type RevocationReason } from './revocation.ts';

/** A certificate was signed. The line is there before the certificate is. */
export interface IssuedEntry {
  readonly event: 'issued';
  /** When, ISO 8601 in UTC. */
  readonly at: string;
  /** Serial number as plainSerial gives it. */
  readonly serial: string;
  /** Who signed: keyId of its certificate's facts. A CA that is renewed with its key goes on with its lists. */
  readonly authority: string;
  /** Base name of its file, such as `client`. */
  readonly name: string;
  readonly profile: string;
  /** Common name, for people. */
  readonly cn: string;
  readonly notAfter: string;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly sha256: string;
}

/** A certificate was revoked, or with removeFromCRL taken off hold. */
export interface RevokedEntry {
  readonly event: 'revoked';
  readonly at: string;
  readonly serial: string;
  readonly authority: string;
  readonly reason: RevocationReason;
}

/** The number of a revocation list was used. The line is there before the list is. */
export interface ListEntry {
  readonly event: 'list';
  readonly at: string;
  readonly authority: string;
  /** Decimal. */
  readonly number: string;
  readonly nextUpdate: string;
}

/** One line of the index. */
export type JournalEntry = IssuedEntry | RevokedEntry | ListEntry;

/**
 * What the lines of an index add up to. Certificates are told apart by {@link certificateKey}: two CAs of a folder may have
 * used the same serial number, as those do that count from 1.
 */
export interface Ledger {
  /** In the order of issue. */
  readonly issued: ReadonlyMap<string, IssuedEntry>;
  /** What is revoked now. */
  readonly revoked: ReadonlyMap<string, RevokedEntry>;
  /** What was taken off hold and is not revoked now. */
  readonly restored: ReadonlySet<string>;
  /** The last number that an authority used for a list, by authority. */
  readonly listNumbers: ReadonlyMap<string, bigint>;
}

/**
 * What tells a certificate from all others (RFC 5280 section 4.1.2.2).
 *
 * @param authority identifier of the key that signed it: keyId of its certificate's facts.
 * @param serial as plainSerial gives it.
 */
export function certificateKey(authority: string, serial: string): string {
  return `${authority} ${serial}`;
}

/** Name of the index in its folder. */
export const INDEX_FILE = 'index.jsonl';

/** Bytes that an index may have; a line has about 400, so that this is 300,000 certificates. */
const MAX_INDEX_BYTES = 128 * 1024 * 1024;

const FIELDS: Readonly<Record<JournalEntry['event'], readonly string[]>> = {
  issued: ['at', 'serial', 'authority', 'name', 'profile', 'cn', 'notAfter', 'sha256'],
  revoked: ['at', 'serial', 'authority', 'reason'],
  list: ['at', 'authority', 'number', 'nextUpdate'],
};

/**
 * Adds a line to the index of a folder and returns when it is on the disk. What a process that was killed left of a line
 * is removed first: its line was never finished, so nothing was done that it speaks of. Call it under the folder's lock.
 */
export async function appendEntry(dir: string, entry: JournalEntry): Promise<void> {
  const file = join(dir, INDEX_FILE);
  const handle = await open(file, 'a+', 0o644);
  try {
    const { size } = await handle.stat();
    const whole = await wholeLines(handle, size);
    if (whole < size) await handle.truncate(whole);
    await handle.appendFile(`${JSON.stringify(entry)}\n`);
    await handle.sync();
    if (size === 0) await syncFolder(dir);
  } finally {
    await handle.close();
  }
}

/** Length of the file up to and with its last line end. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(4096);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf('\n');
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}

/**
 * Reads the index of a folder; without one, nothing was issued. A last line without an end is not counted (see appendEntry).
 *
 * @throws UsageError naming the line when one cannot be read.
 */
export async function readLedger(dir: string): Promise<Ledger> {
  const file = join(dir, INDEX_FILE);
  const issued = new Map<string, IssuedEntry>();
  const revoked = new Map<string, RevokedEntry>();
  const restored = new Set<string>();
  const listNumbers = new Map<string, bigint>();
  const lines = (await readIndex(file)).split('\n').slice(0, -1);
  lines.forEach((line, index) => {
    const entry = parseEntry(line, `${file}:${index + 1}`);
    if (entry.event === 'list') {
      listNumbers.set(entry.authority, BigInt(entry.number));
      return;
    }
    const key = certificateKey(entry.authority, entry.serial);
    if (entry.event === 'issued') issued.set(key, entry);
    else if (entry.reason === 'removeFromCRL') {
      revoked.delete(key);
      restored.add(key);
    } else {
      revoked.set(key, entry);
      restored.delete(key);
    }
  });
  return { issued, revoked, restored, listNumbers };
}

async function readIndex(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return '';
  try {
    const status = await handle.stat();
    const { size } = status;
    if (!status.isFile()) throw new UsageError(`${file} is not a regular file; put the index back, from a copy`);
    if (size > MAX_INDEX_BYTES)
      throw new UsageError(`${file} is larger than ${MAX_INDEX_BYTES} bytes; is it an index?`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function parseEntry(line: string, place: string): JournalEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (!isEntry(value)) {
    throw new UsageError(`${place} is not a line of an index; put the file back as it was, from a copy of this folder`);
  }
  return value;
}

function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const event = members.get('event');
  if (event !== 'issued' && event !== 'revoked' && event !== 'list') return false;
  if (!FIELDS[event].every((field) => typeof members.get(field) === 'string')) return false;
  if (event === 'list') return /^\d{1,48}$/.test(String(members.get('number')));
  return event === 'issued' || Object.hasOwn(REVOCATION_REASONS, String(members.get('reason')));
}
