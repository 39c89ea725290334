import { codeNumber } from '../../errors.ts';
import { encodeText } from './encode-text.ts';
import type { EndStatus, StreamWriter } from './stream-writer.ts';

/** Newline-delimited JSON: a message a line. A failure is a last line `{"error": google.rpc.Status}`. */
export function jsonLinesWriter(): StreamWriter {
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => undefined,
    message: (message) => encodeText('', message.json(), '\n'),
    gap: () => undefined,
    silence: () => undefined,
    end: (status) => (status.code === 'OK' ? '' : `${errorJson(status)}\n`),
  };
}

/** One JSON array of all messages. A failure is a last element `{"error": google.rpc.Status}`. */
export function jsonArrayWriter(): StreamWriter {
  let separator = '';
  const nextSeparator = (): string => {
    const before = separator;
    separator = ',\n';
    return before;
  };
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => '[',
    message: (message) => encodeText(nextSeparator(), message.json(), ''),
    gap: () => undefined,
    silence: () => undefined,
    end: (status) => `${status.code === 'OK' ? '' : nextSeparator() + errorJson(status)}]\n`,
  };
}

function errorJson({ code, message, details }: EndStatus): string {
  return JSON.stringify({ error: { code: codeNumber(code), message, details } });
}
