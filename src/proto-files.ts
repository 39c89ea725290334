import { readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { PACKAGE_ROOT } from './package-root.ts';

/** Where the google/ protos lie that the build takes from their npm package. */
const GOOGLE_INCLUDE = join(PACKAGE_ROOT, 'dist', 'include');
/** The standard error details, which any service may send whether its protos import them or not. */
export const ERROR_DETAILS_PROTO = join(GOOGLE_INCLUDE, 'google', 'rpc', 'error_details.proto');
/** Where Passband's own protos lie. */
export const PASSBAND_PROTO = join(PACKAGE_ROOT, 'proto');

/** Folders below a proto root that are read, and above a file that are searched; more is a link that goes round. */
const MAX_FOLDER_DEPTH = 32;
/** Proto files in one set; googleapis as a whole has about 6,000. */
const MAX_PROTO_FILES = 10_000;
/** Bytes of one proto file; the largest of googleapis has under 1 MiB. */
const MAX_PROTO_BYTES = 8 * 1024 * 1024;

/** What to load. */
export interface LoadOptions {
  /** Proto files, or folders that are searched for `*.proto`. */
  readonly paths: readonly string[];
  /** Further roots for `import` lines, like protoc's -I. */
  readonly includePaths?: readonly string[];
}

/** Protos as parsed: type names are not resolved yet. */
export interface ProtoFiles {
  readonly root: protobuf.Root;
  /** Absolute paths of the files that were asked for, without those that they import. */
  readonly asked: ReadonlySet<string>;
}

/** A file and the name that `import` lines call it by. */
interface Source {
  readonly path: string;
  readonly name: string;
}

/**
 * Parses protos and everything they import.
 *
 * @throws UsageError that names the file (and line, where the parser knows it) and what is wrong.
 */
export async function readProtoFiles(options: LoadOptions): Promise<ProtoFiles> {
  const roots = (options.includePaths ?? []).map((path) => resolve(path));
  const sources: Source[] = [];
  for (const path of options.paths) {
    const absolute = resolve(path);
    const folder = isFolder(absolute) ? absolute : dirname(absolute);
    const found = folder === absolute ? await protoFilesBelow(absolute) : [absolute];
    if (!roots.includes(folder)) roots.push(folder);
    for (const file of found) sources.push({ path: file, name: relative(folder, file).split(sep).join('/') });
  }
  if (sources.length === 0) throw new UsageError(`no .proto file in ${options.paths.join(', ')}`);
  const root = new protobuf.Root();
  parseAll(root, sources, roots);
  return { root, asked: new Set(sources.map(({ path }) => path)) };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new UsageError(`${path}: no such file or folder`, { cause: error });
  }
}

async function protoFilesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    if (depth > MAX_FOLDER_DEPTH) throw new UsageError(`${folder}: folders nest deeper than ${MAX_FOLDER_DEPTH}`);
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name !== 'node_modules') await walk(join(at, entry.name), depth + 1);
      else if (entry.name.endsWith('.proto') && !entry.isDirectory()) found.push(join(at, entry.name));
      if (found.length > MAX_PROTO_FILES) throw new UsageError(`${folder}: more than ${MAX_PROTO_FILES} .proto files`);
    }
  };
  await walk(folder, 0);
  return found.sort();
}

function parseAll(root: protobuf.Root, asked: readonly Source[], roots: readonly string[]): void {
  const queue = [...asked];
  const seenPaths = new Set<string>();
  const seenTexts = new Set<string>();
  // google/… names one file wherever it lies: many trees carry copies of it, and ours is only the last resort.
  const google = new Map<string, string>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, name } = next;
    const known = name.startsWith('google/') ? google.get(name) : undefined;
    if (seenPaths.has(path) || known !== undefined) continue;
    seenPaths.add(path);
    if (seenPaths.size > MAX_PROTO_FILES) throw new UsageError(`more than ${MAX_PROTO_FILES} .proto files`);
    if (name.startsWith('google/')) google.set(name, path);
    const text = readProto(path);
    // Two trees may carry the same file under the same name.
    const identity = `${name}\0${text}`;
    if (seenTexts.has(identity)) continue;
    seenTexts.add(identity);
    const { imports, weak } = parseOne(root, path, text);
    for (const target of imports) queue.push({ path: findImport(path, target, roots), name: target });
    for (const target of weak) {
      const found = candidates(path, target, roots).find(isFile);
      if (found !== undefined) queue.push({ path: found, name: target });
    }
  }
}

function readProto(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_PROTO_BYTES) throw new UsageError(`${path}: longer than ${MAX_PROTO_BYTES} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: cannot be read as UTF-8 text: ${messageOf(error)}`, { cause: error });
  }
}

function parseOne(root: protobuf.Root, path: string, text: string): { imports: string[]; weak: string[] } {
  // The parser notes this name on what it finds; its typings leave it out.
  Reflect.set(protobuf.parse, 'filename', path);
  try {
    checkSyntax(path, text);
    const parsed = protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true });
    return { imports: parsed.imports ?? [], weak: parsed.weakImports ?? [] };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const [, what = messageOf(error), line] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(messageOf(error)) ?? [];
    throw new UsageError(`${path}${line === undefined ? '' : `:${line}`}: ${what}`, { cause: error });
  } finally {
    Reflect.set(protobuf.parse, 'filename', null);
  }
}

/** The parser takes any word for a syntax, and then knows no rules for it. */
function checkSyntax(path: string, text: string): void {
  const { next } = protobuf.tokenize(text, false);
  if (next() !== 'syntax' || next() !== '=') return;
  next();
  const syntax = next();
  if (syntax !== 'proto2' && syntax !== 'proto3') throw new UsageError(`${path}: unknown syntax "${syntax}"`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function findImport(origin: string, target: string, roots: readonly string[]): string {
  // protoc's own rule; it also keeps imports below the roots.
  if (target.startsWith('/') || target.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new UsageError(`${origin}: import "${target}" must be a plain path below a proto root`);
  }
  const found = candidates(origin, target, roots).find(isFile);
  if (found !== undefined) return found;
  throw new UsageError(
    `${origin}: import "${target}" was not found in ${roots.join(', ')} or above; name its root with --proto-path`,
  );
}

/** Where an import may lie: the roots that hold the importing file, the other roots, the folders above it, then ours. */
function candidates(origin: string, target: string, roots: readonly string[]): string[] {
  const holding = roots.filter((root) => origin.startsWith(root + sep));
  const others = roots.filter((root) => !holding.includes(root));
  return [...holding, ...others, ...ancestors(origin), PASSBAND_PROTO, GOOGLE_INCLUDE].map((folder) =>
    join(folder, target),
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The folders above a file, nearest first: one of them is the root its imports are written against. */
function ancestors(file: string): string[] {
  const folders: string[] = [];
  for (let at = dirname(file); folders.length < MAX_FOLDER_DEPTH && at !== dirname(at); at = dirname(at)) {
    folders.push(at);
  }
  return folders;
}
