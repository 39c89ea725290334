import { hash } from 'node:crypto';
import { GENESIS, isWhole, MAX_LINE_BYTES, type ReadLine, readLine } from './line.ts';
import { linesOf } from './lines-of.ts';

/** Bytes of beginnings of lines that may stand between two lines: more than what a journal is gone on behind. */
const MAX_TORN_BYTES = 256 * 1024;

/** What a chain shows. */
export interface Verified {
  readonly program: string;
  readonly files: readonly string[];
  readonly lines: number;
  /** Times of the first and the last line; undefined when there is none. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** Hash of the last line. */
  readonly head: string;
  /** Number of the first file: greater than 1 when those before it are not here. */
  readonly firstFile: number;
  /** Beginnings of lines that a crash left, and that a later line owns up to. */
  readonly recovered: number;
  /** Whether the last file ends within a line: a crash, or it is being written just now. */
  readonly unfinished: boolean;
  /** Whether the hash that was asked for is that of a line; undefined when none was asked for. */
  readonly headFound: boolean | undefined;
  /** Where the chain breaks first, and how. */
  readonly fault: { readonly file: string; readonly line: number; readonly what: string } | undefined;
}

/**
 * Follows the chain through the files of one journal, in their order, and stops at the first line that breaks it. Nothing
 * but the bytes is believed. Whoever can write the files can also make a chain anew from some line on, or cut its end
 * off: that shows only in a hash that was noted elsewhere.
 *
 * @param head hash of a line that must be in it.
 */
export async function verifyChain(program: string, files: readonly string[], head?: string): Promise<Verified> {
  const chain = new Chain(head);
  let fault: Verified['fault'];
  for (const file of files) {
    const found = await follow(chain, file, file === files.at(-1));
    if (found !== undefined) {
      fault = { file, ...found };
      break;
    }
  }
  const { lines, first, last, hash: reached, firstFile, recovered, unfinished, headFound } = chain;
  const asked = head === undefined ? undefined : headFound;
  return {
    program,
    files,
    lines,
    first,
    last,
    head: reached,
    firstFile,
    recovered,
    unfinished,
    headFound: asked,
    fault,
  };
}

async function follow(chain: Chain, file: string, isLast: boolean): Promise<Fault | undefined> {
  chain.begin();
  for await (const { bytes, ended } of linesOf(file, MAX_LINE_BYTES)) {
    const fault = chain.line(bytes, ended);
    if (fault !== undefined) return fault;
  }
  return chain.end(isLast);
}

/** Where a chain breaks, within a file. */
interface Fault {
  readonly line: number;
  readonly what: string;
}

const NO_LINE = 'is no line of a journal: it was altered or inserted';
/** A file gets its name when its first line is on the disk, so that no crash leaves this behind. */
const EMPTIED = 'is not there: the file is empty, and every file of a journal begins with a line';

/** A chain as far as it was followed. */
class Chain {
  hash = GENESIS;
  lines = 0;
  first: string | undefined;
  last: string | undefined;
  firstFile = 0;
  recovered = 0;
  unfinished = false;
  headFound = false;
  readonly #head: string | undefined;
  #seq = 0;
  #file = 0;
  /** Number of the line that is read, within its file. */
  #at = 0;
  #fileBegins = true;
  /** What was no line, until a line owns up to it, and where it begins. */
  #torn: Buffer[] = [];
  #tornAt = 0;
  #tornBytes = 0;
  #tornEnded = false;

  constructor(head: string | undefined) {
    this.#head = head;
  }

  /** The next file comes. */
  begin(): void {
    this.#fileBegins = true;
    this.#at = 0;
  }

  /** Takes the next line; tells what is wrong, if anything is. */
  line(bytes: Buffer, ended: boolean): Fault | undefined {
    this.#at++;
    const read = readLine(bytes);
    if (read === undefined) {
      if (isWhole(bytes)) return this.#fault('was altered: its hash is not that of its bytes');
      if (this.#torn.length === 0) this.#tornAt = this.#at;
      // What a crash leaves is the beginning of one line; what the next ones leave, of the line that owns up to it.
      this.#tornBytes += bytes.length + 1;
      if (bytes.length === 0 || bytes.length > MAX_LINE_BYTES || this.#tornBytes > MAX_TORN_BYTES) {
        return { line: this.#tornAt, what: NO_LINE };
      }
      this.#torn.push(bytes);
      this.#tornEnded = ended;
      return undefined;
    }
    const fault = this.#tornFault(read) ?? (this.#fileBegins ? this.#beginFault(read) : this.#placeFault(read));
    if (fault === undefined) this.#take(read);
    return fault;
  }

  /** The file is over. Only the last may end within a line: it is being written, or a crash ended it. */
  end(isLast: boolean): Fault | undefined {
    if (this.#at === 0) return { line: 1, what: EMPTIED };
    if (this.#torn.length === 0) return undefined;
    if (!isLast || this.#tornEnded) return { line: this.#tornAt, what: NO_LINE };
    this.unfinished = true;
    return undefined;
  }

  #tornFault({ members: { event, tornBytes, tornSha256 } }: ReadLine): Fault | undefined {
    const torn = Buffer.concat(this.#torn.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('\n'), part])));
    this.#torn = [];
    this.#tornBytes = 0;
    const ownsUp = event === 'recovered';
    if (torn.length === 0) {
      return ownsUp ? this.#fault('tells of the beginning of a line, and that was removed before it') : undefined;
    }
    if (!ownsUp || tornBytes !== torn.length || tornSha256 !== hash('sha256', torn)) {
      return { line: this.#tornAt, what: NO_LINE };
    }
    this.recovered++;
    return undefined;
  }

  #beginFault(read: ReadLine): Fault | undefined {
    const { event, file } = read.members;
    if (event !== 'file' || typeof file !== 'number') {
      return this.#fault('does not begin a file: lines before it were removed');
    }
    if (this.lines === 0) {
      this.firstFile = file;
      const isFirst = read.prev === GENESIS && read.seq === 1;
      return file > 1 || isFirst ? undefined : this.#fault('begins file 1 and follows lines that are not there');
    }
    if (file === this.#file + 1) return this.#placeFault(read);
    return this.#fault(`begins file ${file} where file ${this.#file + 1} belongs: files are missing or repeated`);
  }

  #placeFault({ seq, prev }: ReadLine): Fault | undefined {
    const due = this.#seq + 1;
    if (seq > due) return this.#fault(`has number ${seq} where ${due} belongs: lines before it were removed`);
    if (seq < due) {
      return this.#fault(`has number ${seq} where ${due} belongs: it was inserted, repeated or moved`);
    }
    return prev === this.hash
      ? undefined
      : this.#fault('does not follow the line before it: one of the two was replaced');
  }

  #fault(what: string): Fault {
    return { line: this.#at, what };
  }

  #take({ members, seq, hash: own }: ReadLine): void {
    this.#fileBegins = false;
    if (members.event === 'file' && typeof members.file === 'number') this.#file = members.file;
    this.#seq = seq;
    this.hash = own;
    this.lines++;
    const time = typeof members.time === 'string' ? members.time : undefined;
    this.first ??= time;
    this.last = time;
    if (own === this.#head) this.headFound = true;
  }
}
