import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument, type YAMLSeq } from 'yaml';
import { PassbandError, UsageError } from '../../errors.ts';
import { errnoOf, replaceFile } from '../../pki/store.ts';
import { declareStation, type PlainStation } from './declared-station.ts';
import { FieldFault, Fields } from './fields.ts';
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

/**
 * The file that declares the stations, and that outlives a restart: stations that come, change or go by calls are written
 * into it, and everything else of it, comments included, stays as its owner wrote it.
 */
export class StationsFile {
  readonly #file: string;
  readonly #builtIn: readonly StationConfig[];

  /** @param builtIn the stations where there is no such file. */
  constructor(file: string, builtIn: readonly StationConfig[]) {
    this.#file = file;
    this.#builtIn = builtIn;
  }

  /** The declared stations. @throws UsageError that names file, line, column and what is wrong. */
  async stations(): Promise<readonly StationConfig[]> {
    const read = await this.#read();
    return read?.stations ?? this.#builtIn;
  }

  /** The station that settings declare, as if they stood in this file. @throws FieldFault */
  declare(settings: PlainStation): StationConfig {
    return declareStation(settings, dirname(this.#file));
  }

  /** Declares a station, in the place of the one with its id where there is one. */
  async put(settings: PlainStation): Promise<void> {
    await this.#edit((list, document) => {
      const node = document.createNode(settings, { aliasDuplicateObjects: false });
      const at = indexOf(list, settings.station_id);
      if (at === -1) list.add(node);
      else list.set(at, node);
    });
  }

  /** Declares a station no more. */
  async remove(stationId: string): Promise<void> {
    await this.#edit((list) => {
      const at = indexOf(list, stationId);
      if (at !== -1) list.delete(at);
    });
  }

  /** Reads the file anew, as its owner may have edited it meanwhile, changes it and puts it in its place. */
  async #edit(change: (list: YAMLSeq, document: Document) => void): Promise<void> {
    const document = (await this.#read())?.document ?? this.#begin();
    const list = document.get('stations');
    if (!isSeq(list)) throw new UsageError(`${this.#file}: stations must be a list`);
    change(list, document);
    await mkdir(dirname(this.#file), { recursive: true });
    const text = document.toString({ lineWidth: 120 });
    if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
      const message = `the stations file would have more than ${MAX_FILE_BYTES} bytes; remove a station first`;
      throw new PassbandError('RESOURCE_EXHAUSTED', message);
    }
    // What could not be read again must never come to stand there.
    this.#parse(text);
    await replaceFile(this.#file, text, FILE_MODE);
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
    const document = parseDocument(text, { lineCounter: lines });
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
