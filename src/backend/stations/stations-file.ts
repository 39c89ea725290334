import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument, type YAMLSeq } from 'yaml';
import { errnoOf, replaceFile } from '../../durable-files.ts';
import { PassbandError, UsageError } from '../../errors.ts';
import { declareStation, type PlainStation } from './declared-station.ts';
import { FieldFault, Fields } from './fields.ts';
import { AS_WRITTEN, patchMap } from './patched-node.ts';
import type { StationConfig } from './station-config.ts';
import { MAX_STATIONS } from './stations.ts';

/** Bytes of a stations file: MAX_STATIONS of one KiB each. Reading and writing it takes a second for each MiB, of everybody. */
const MAX_FILE_BYTES = 256 * 1024;
/** Others may read it: it holds no secrets. */
const FILE_MODE = 0o644;

interface Read {
  readonly document: Document;
  readonly stations: readonly StationConfig[];
}

/** What the running stations were read from, or have been written as since: what differs in the file is its owner's edit. */
interface Known {
  /** False where there was none, and the built-in stations run. */
  readonly isFile: boolean;
  readonly stations: ReadonlyMap<string, PlainStation>;
}

type Change = (list: YAMLSeq, document: Document, known: PlainStation | undefined) => void;

/**
 * The file that declares the stations, and that outlives a restart: stations that come, change or go by calls are written
 * into it, and everything else of it, comments included, stays as its owner wrote it.
 */
export class StationsFile {
  readonly #file: string;
  readonly #builtIn: readonly StationConfig[];
  #known: Known | undefined;

  /** @param builtIn the stations where there is no such file. */
  constructor(file: string, builtIn: readonly StationConfig[]) {
    this.#file = file;
    this.#builtIn = builtIn;
  }

  /** The declared stations. @throws UsageError that names file, line, column and what is wrong. */
  async stations(): Promise<readonly StationConfig[]> {
    const read = await this.#read();
    this.#known = this.#knownFrom(read);
    return read?.stations ?? this.#builtIn;
  }

  /** The station that settings declare, as if they stood in this file. @throws FieldFault */
  declare(settings: PlainStation): StationConfig {
    return declareStation(settings, dirname(this.#file));
  }

  /**
   * Declares a station.
   *
   * @param proceed is called right before the file is replaced; what it throws leaves the file as it is.
   * @throws PassbandError ALREADY_EXISTS where its owner has declared one of that id meanwhile.
   */
  async add(settings: PlainStation, proceed: () => void = () => {}): Promise<void> {
    const stationId = String(settings.station_id);
    await this.#edit(stationId, proceed, (list, document) => {
      if (indexOf(list, stationId) !== -1) throw addedByHand(stationId);
      // An empty list is written as [] for want of another way; what is added is easier to read in lines.
      if (list.items.length === 0) list.flow = false;
      list.add(document.createNode(settings, { aliasDuplicateObjects: false }));
    });
  }

  /**
   * Declares a station otherwise: of what its owner wrote, only what differs is changed.
   *
   * @param proceed as for add.
   * @throws PassbandError FAILED_PRECONDITION where its owner has edited it since it was read.
   */
  async change(settings: PlainStation, proceed: () => void = () => {}): Promise<void> {
    const stationId = String(settings.station_id);
    await this.#edit(stationId, proceed, (list, document, known) => {
      const node = list.items[indexOf(list, stationId)];
      if (!isMap(node) || !isDeepStrictEqual(node.toJS(document), known)) throw editedByHand(stationId);
      patchMap(document, node, settings);
    });
  }

  /**
   * Declares a station no more. One that its owner has taken out is out already.
   *
   * @param proceed as for add.
   * @throws PassbandError FAILED_PRECONDITION where its owner has edited it since it was read.
   */
  async remove(stationId: string, proceed: () => void = () => {}): Promise<void> {
    await this.#edit(stationId, proceed, (list, document, known) => {
      const at = indexOf(list, stationId);
      if (at === -1) return;
      const node = list.items[at];
      if (!isMap(node) || !isDeepStrictEqual(node.toJS(document), known)) throw editedByHand(stationId);
      list.delete(at);
    });
  }

  /** Reads the file anew, as its owner may have edited it meanwhile, changes it and puts it in its place. */
  async #edit(stationId: string, proceed: () => void, change: Change): Promise<void> {
    const read = await this.#read();
    this.#known ??= this.#knownFrom(read);
    if (read === undefined && this.#known.isFile) throw takenAway();
    const document = read?.document ?? this.#begin();
    const list = document.get('stations');
    if (!isSeq(list)) throw new UsageError(`${this.#file}: stations must be a list`);
    change(list, document, this.#known.stations.get(stationId));
    await mkdir(dirname(this.#file), { recursive: true });
    const text = document.toString({ lineWidth: 120 });
    if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
      const message = `the stations file would have more than ${MAX_FILE_BYTES} bytes; remove a station first`;
      throw new PassbandError('RESOURCE_EXHAUSTED', message);
    }
    // What could not be read again must never come to stand there.
    const written = this.#parse(text).stations.find((station) => station.stationId === stationId);
    proceed();
    await replaceFile(this.#file, text, FILE_MODE);
    const others = [...this.#known.stations].filter(([id]) => id !== stationId);
    const own = written?.settings === undefined ? [] : [[stationId, written.settings] as const];
    this.#known = { isFile: true, stations: new Map([...others, ...own]) };
  }

  #knownFrom(read: Read | undefined): Known {
    const stations = (read?.stations ?? this.#builtIn).flatMap(({ stationId, settings }) =>
      settings === undefined ? [] : [[stationId, settings] as const],
    );
    return { isFile: read !== undefined, stations: new Map(stations) };
  }

  /** The file to begin with. */
  #begin(): Document {
    const stations = this.#builtIn.flatMap(({ settings }) => settings ?? []);
    const document = parseDocument('# The stations of this backend; see docs/stations.md.\nversion: 1\n');
    document.set('stations', document.createNode(stations, { aliasDuplicateObjects: false }));
    return document;
  }

  /** What it holds; undefined where there is none. */
  async #read(): Promise<Read | undefined> {
    let text: string;
    try {
      const { size } = await stat(this.#file);
      if (size > MAX_FILE_BYTES) throw new UsageError(`${this.#file}: larger than ${MAX_FILE_BYTES} bytes`);
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      if (error instanceof UsageError) throw error;
      throw new UsageError(`${this.#file}: cannot be read`, { cause: error });
    }
    return this.#parse(text);
  }

  #parse(text: string): Read {
    const lines = new LineCounter();
    const document = parseDocument(text, { ...AS_WRITTEN, lineCounter: lines });
    const at = (offset: number | undefined): string => {
      const { line, col } = lines.linePos(offset ?? 0);
      return `${this.#file}:${line}:${col}`;
    };
    const [fault] = document.errors;
    if (fault !== undefined) throw new UsageError(`${at(fault.pos[0])}: ${fault.message.split('\n')[0]}`);
    try {
      return { document, stations: readStations(document.toJS({ maxAliasCount: 0 }), dirname(this.#file)) };
    } catch (error) {
      if (error instanceof FieldFault)
        throw new UsageError(`${at(offsetOf(document, error.path))}: ${error.place}: ${error.message}`, {
          cause: error,
        });
      throw new UsageError(`${this.#file}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

function readStations(value: unknown, folder: string): readonly StationConfig[] {
  const fields = new Fields(value);
  fields.need('version', fields.integer('version', { min: 1, max: 1, unit: '(the only version there is)' }));
  if (!fields.has('stations')) fields.fail('stations', 'is missing; add a list, which may be empty: []');
  const items = fields.list('stations');
  fields.done();
  if (items.length > MAX_STATIONS) fields.fail('stations', `must have ${MAX_STATIONS} stations at most`);
  const ids = new Set<string>();
  return items.map((item) => {
    const config = declareStation(item.values, folder, item.path);
    if (ids.has(config.stationId)) item.fail('station_id', `there are two stations ${config.stationId}`);
    ids.add(config.stationId);
    return config;
  });
}

/** Where the innermost node of a path that is there begins. */
function offsetOf(document: Document, path: readonly (string | number)[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node.range?.[0];
  }
  return undefined;
}

function indexOf(list: YAMLSeq, stationId: unknown): number {
  return list.items.findIndex((item) => isMap(item) && item.get('station_id') === stationId);
}

const addedByHand = (stationId: string): PassbandError =>
  new PassbandError(
    'ALREADY_EXISTS',
    `the stations file has a station ${stationId} that does not run yet, as it was added by hand; restart the server to run it, or take another id`,
  );

const editedByHand = (stationId: string): PassbandError =>
  new PassbandError(
    'FAILED_PRECONDITION',
    `station ${stationId} was edited in the stations file while it ran; restart the server, which takes that over, and try again`,
  );

const takenAway = (): PassbandError =>
  new PassbandError(
    'FAILED_PRECONDITION',
    'the stations file was there and is gone; put it back, or restart the server to begin without it',
  );
