import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { UsageError } from '../../errors.ts';

/** Bytes of a policy file: a rule has a few hundred, so this is thousands of them. */
export const MAX_POLICY_BYTES = 1024 * 1024;

const ROOT_NAME = 'the file';

/** Members of a mapping: those that must be there, and those that may. */
type Members<Required extends string, Optional extends string> = Readonly<Record<Required, YamlValue>> &
  Readonly<Partial<Record<Optional, YamlValue>>>;

/** Where in which file a value is, for the error that names it. */
interface Place {
  readonly file: string;
  readonly lines: LineCounter;
}

/** One value of a YAML file that knows where it is and that can be read as what it must be, or fails at its place. */
export class YamlValue {
  readonly #node: unknown;
  readonly #offset: number;
  readonly #place: Place;
  /** What to call the value in a message: its keys from the root inwards. */
  readonly name: string;

  constructor(node: unknown, place: Place, name: string, fallbackOffset = 0) {
    this.#node = node;
    this.name = name;
    this.#offset = rangeStart(node) ?? fallbackOffset;
    this.#place = place;
  }

  /** Where it begins, counted from 1. */
  get line(): number {
    return this.#place.lines.linePos(this.#offset).line;
  }

  /** Throws the UsageError `FILE:LINE:COL: message`; the message says what is wrong and, after a semicolon, the remedy. */
  fail(message: string): never {
    const { line, col } = this.#place.lines.linePos(this.#offset);
    throw new UsageError(`${this.#place.file}:${line}:${col}: ${message}`);
  }

  /** The entries of a mapping that is not empty and has no key twice. */
  entries(): readonly (readonly [key: YamlValue, value: YamlValue])[] {
    if (!isMap(this.#node)) return this.#mistyped('a mapping (key: value)');
    const seen = new Set<string>();
    const entries = this.#node.items.map((pair) => {
      const key = new YamlValue(pair.key, this.#place, 'a key', this.#offset);
      const text = key.text();
      if (seen.has(text)) key.fail(`key "${text}" is there twice; remove one`);
      seen.add(text);
      const name = this.name === ROOT_NAME ? text : `${this.name}.${text}`;
      return [key, new YamlValue(pair.value, this.#place, name, key.#offset)] as const;
    });
    if (entries.length === 0) this.fail(`${this.name} is an empty mapping; fill it or remove it`);
    return entries;
  }

  /** The members of a mapping by their keys; any other key, and any required one that is absent, fails. */
  members<Required extends string, Optional extends string>(
    required: readonly Required[],
    optional: readonly Optional[],
  ): Members<Required, Optional> {
    const known: readonly string[] = [...required, ...optional];
    const found: Record<string, YamlValue> = Object.create(null);
    for (const [key, value] of this.entries()) {
      const name = key.text();
      if (!known.includes(name)) key.fail(`key "${name}" is unknown; known here: ${known.join(', ')}`);
      found[name] = value;
    }
    for (const name of required) {
      if (found[name] === undefined) this.fail(`key "${name}" is missing; add it`);
    }
    return found as Members<Required, Optional>;
  }

  /** The items of a list that is not empty. */
  items(): readonly YamlValue[] {
    if (!isSeq(this.#node)) return this.#mistyped('a list');
    if (this.#node.items.length === 0) this.fail(`${this.name} is an empty list; put something in it or remove it`);
    return this.#node.items.map((item, i) => new YamlValue(item, this.#place, `${this.name}[${i}]`, this.#offset));
  }

  /** A text. */
  text(): string {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'string' ? value : this.#mistyped('a text (put it in quotes)');
  }

  /** Any number but an infinite one. */
  number(): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#mistyped('a number');
  }

  /** Whether it is a mapping, where something else may stand as well. */
  get isMapping(): boolean {
    return isMap(this.#node);
  }

  /** Whether it is a list, where something else may stand as well. */
  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** Whatever it is, as JSON has it. */
  json(): unknown {
    if (isMap(this.#node)) {
      if (this.#node.items.length === 0) return {};
      return Object.fromEntries(this.entries().map(([key, value]) => [key.text(), value.json()]));
    }
    if (isSeq(this.#node)) return this.#node.items.length === 0 ? [] : this.items().map((item) => item.json());
    return isScalar(this.#node) ? this.#node.value : this.#mistyped('a value');
  }

  /** A whole number that a JavaScript number holds exactly. */
  integer(): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#mistyped('a whole number');
  }

  #mistyped(wanted: string): never {
    return this.fail(`${this.name} is ${describe(this.#node)}; write ${wanted} here`);
  }
}

function rangeStart(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function describe(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node)) return node === null || node === undefined ? 'nothing' : 'an alias, which is not understood';
  return node.value === null ? 'nothing' : `a ${typeof node.value === 'string' ? 'text' : typeof node.value}`;
}

/**
 * Reads YAML 1.2 into a value that knows its places. Aliases are refused where they stand and never expanded, so that
 * a small file cannot become a large one.
 *
 * @throws UsageError `FILE:LINE:COL: …` when it is larger than 1 MiB, empty, or not one YAML document.
 */
export function readYaml(text: string, file: string): YamlValue {
  const lines = new LineCounter();
  const place = { file, lines };
  const start = new YamlValue(undefined, place, ROOT_NAME);
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    lines.addNewLine(0);
    start.fail(`the file is larger than ${MAX_POLICY_BYTES} bytes; split the rules by wildcards`);
  }
  let contents: Node | null;
  try {
    // Keys given twice are found in entries(), which also knows where; the parser's own check is quadratic.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined)
      return new YamlValue(undefined, place, ROOT_NAME, fault.pos[0]).fail(`${fault.message}; correct the YAML`);
    contents = document.contents;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Such as lists in lists in lists until the parser's stack is full.
    return start.fail('the file cannot be parsed as YAML; correct it');
  }
  if (contents === null) return start.fail('the file is empty; write version: 1 and at least one rule');
  return new YamlValue(contents, place, ROOT_NAME);
}
