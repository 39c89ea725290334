import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Milliseconds after which a curl is killed: far above what any call here takes. */
const TIMEOUT_MS = 60_000;

/** What curl got. */
export interface CurlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly httpVersion: string;
  readonly body: Buffer;
  text(): string;
  /** The body as JSON; throws when it is none. */
  json(): Record<string, unknown>;
}

/** A curl that runs: its input is the request body, its output the response body. */
export interface RunningCurl {
  /** Sends text or bytes as part of the request body. */
  write(part: string | Uint8Array): void;
  /** Ends the request body. */
  endInput(): void;
  /** Reads the response body up to the next occurrence of `mark`, that included. */
  readUntil(mark: string): Promise<string>;
  /** Kills curl, as Ctrl-C does. */
  kill(): void;
  /** What it got in all, when it has ended. */
  readonly ended: Promise<CurlAnswer>;
  /** Its exit code: 0 for a whole answer, see curl's manual for the others. */
  readonly code: Promise<number>;
}

/** The real curl with the certificates of a folder, against one origin. */
export interface Curl {
  /** Runs it to its end. The path comes first, curl's own options follow. */
  (path: string, ...options: readonly string[]): Promise<CurlAnswer>;
  /** The same with a request body on its standard input. */
  feed(input: string | Uint8Array, path: string, ...options: readonly string[]): Promise<CurlAnswer>;
  /** Runs it while the test writes and reads. */
  start(path: string, ...options: readonly string[]): RunningCurl;
}

const MARK = '\n<passband-curl>';

/** A curl for a gateway, with NAME.crt and NAME.key of the certs folder. */
export function curlOf(origin: string, certsDir: string, name = 'client'): Curl {
  const start = (path: string, ...options: readonly string[]): RunningCurl => {
    const child = spawn(
      'curl',
      [
        ...['-sS', '--no-buffer', '--path-as-is', '--noproxy', '*'],
        ...['--cacert', join(certsDir, 'ca.crt')],
        ...['--cert', join(certsDir, `${name}.crt`), '--key', join(certsDir, `${name}.key`)],
        // On standard error, so that bodies stay untouched.
        ...['-w', `%{stderr}${MARK}%{http_code} %{http_version} %{content_type}`],
        ...options,
        `${origin}${path}`,
      ],
      { timeout: TIMEOUT_MS },
    );
    const chunks: Buffer[] = [];
    /** What readUntil has not given yet, and what came since it looked last. */
    let unread: Buffer = Buffer.alloc(0);
    const arrived: Buffer[] = [];
    let stderr = '';
    let wake = (): void => {};
    let over = false;
    child.stdin.on('error', () => {});
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      arrived.push(chunk);
      wake();
    });
    const ended = new Promise<CurlAnswer>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => {
        over = true;
        wake();
        const [errors = '', facts = ''] = stderr.split(MARK);
        const [status = '', httpVersion = '', ...contentType] = facts.split(' ');
        if (facts === '' && !child.killed) return reject(new Error(`curl: ${errors}`));
        const body = Buffer.concat(chunks);
        resolve({
          status: Number(status),
          httpVersion,
          contentType: contentType.join(' ').trim(),
          body,
          text: () => body.toString(),
          json: () => JSON.parse(body.toString()),
        });
      });
    });
    ended.catch(() => {});
    const code = new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
    return {
      write: (part) => void child.stdin.write(part),
      endInput: () => void child.stdin.end(),
      kill: () => void child.kill('SIGINT'),
      ended,
      code,
      readUntil: async (mark) => {
        for (;;) {
          if (arrived.length > 0) unread = Buffer.concat([unread, ...arrived.splice(0)]);
          const found = unread.indexOf(mark);
          if (found !== -1) {
            const part = unread.subarray(0, found + mark.length).toString();
            unread = unread.subarray(found + mark.length);
            return part;
          }
          if (over) throw new Error(`curl ended without ${JSON.stringify(mark)}: ${unread} ${stderr}`);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
    };
  };
  const feed: Curl['feed'] = (input, path, ...options) => {
    const running = start(path, ...options);
    if (input.length > 0) running.write(input);
    running.endInput();
    return running.ended;
  };
  return Object.assign((path: string, ...options: readonly string[]) => feed('', path, ...options), { feed, start });
}
